package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// usage is what a process took.
type usage struct {
	Wall, CPU time.Duration
	PeakMB    float64
}

func (u usage) String() string { return fmt.Sprintf("%8.2f %8.2f", u.Wall.Seconds(), u.CPU.Seconds()) }

// better takes the best of each figure; the zero usage is none.
func (u usage) better(v usage) usage {
	if u == (usage{}) {
		return v
	}
	return usage{min(u.Wall, v.Wall), min(u.CPU, v.CPU), min(u.PeakMB, v.PeakMB)}
}

// spend runs a program to its end. A process of ours in between has it run: a
// child's peak begins with the memory of its parent, and here that is the org's.
func (b *bench) spend(ctx context.Context, program string, args ...string) (u usage, err error) {
	cmd := exec.CommandContext(ctx, b.self, append([]string{"spend", program}, args...)...)
	var output, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &errs
	if err := cmd.Run(); err != nil {
		return u, fmt.Errorf("%w\n%s", err, errs.Bytes())
	}
	return u, json.Unmarshal(output.Bytes(), &u)
}

// spent is that process: it prints the usage.
func spent(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	u := usage{Wall: time.Since(start), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.PeakMB = float64(r.Maxrss) * maxrssUnit / 1e6
	}
	return json.NewEncoder(os.Stdout).Encode(u)
}
