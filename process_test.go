package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// TestALoadOutlivesWhoeverReadsItsOutput closes the other end of stderr, or of
// stdout, before the load begins to write: "sluice … 2>&1 | head -1".
func TestALoadOutlivesWhoeverReadsItsOutput(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stdout, stderr bool // closed
		code           int
	}{
		"stderr": {false, true, 0},
		// The result could not be told, which a script has to know (P11).
		"stdout": {true, false, 1},
		"both":   {true, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 200}})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			c := s.command(ctx, "api=bulk", "--debug")
			c.Stderr = &stderr
			if tt.stdout {
				c.Stdout = w
			}
			if tt.stderr {
				c.Stderr = w
			}
			_ = c.Run() // the exit code tells
			if code := c.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d (%s), want %d: %s", code, c.ProcessState, tt.code, stderr.String())
			}
			if tt.stdout && !tt.stderr && !strings.Contains(stderr.String(), "broken pipe") {
				t.Errorf("stderr does not say what is wrong:\n%s", stderr.String())
			}
			s.exact()
			for _, j := range s.org.Jobs() {
				if j.State != "JobComplete" {
					t.Errorf("a job is left %s", j.State)
				}
			}
		})
	}
}

// TestAnInterruptLeavesNoProcess waits for the whole process group of a run to
// be gone.
func TestAnInterruptLeavesNoProcess(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			s := tenPages(t)
			s.stallAt(3)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c := s.command(ctx, "api=bulk")
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if err := until(func() bool { return s.pages() >= 3 }); err != nil {
				t.Fatal(err)
			}
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait() // always an error: it was interrupted
			if code := c.ProcessState.ExitCode(); code != 130 {
				t.Errorf("the process ended with %s", c.ProcessState)
			}
			if err := syscall.Kill(-c.Process.Pid, 0); err != syscall.ESRCH {
				t.Errorf("processes of the group are left: %v", err)
			}
			s.org.Heal()
			s.loads("api=bulk")
			s.exact()
		})
	}
}

// TestASecondInterruptEndsTheRunAtOnce interrupts a run whose job the org does
// not end, and interrupts it again while it waits for that.
func TestASecondInterruptEndsTheRunAtOnce(t *testing.T) {
	t.Parallel()
	s := tenPages(t)
	s.loads("api=bulk")
	for row := range s.org.Rows("Account") {
		s.org.Update("Account", row.ID(), fakeorg.Values{"Name": "Changed"})
		break
	}
	before := s.value("SELECT count(*) || string_agg(name, ',' ORDER BY id) FROM public.t")
	s.stallAt(1) // a job of which nothing was staged is ended
	draining, release := make(chan struct{}), make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	s.org.Inject(fakeorg.Fault{Method: "DELETE", Path: "/services/data/*/jobs/query/*", Do: func() {
		close(draining)
		<-release
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := s.command(ctx, "api=bulk", "--full-refresh")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	at := s.pages()
	if err := until(func() bool { return s.pages() >= at+1 }); err != nil {
		t.Fatal(err)
	}
	for _, wait := range []<-chan struct{}{draining, nil} {
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if wait != nil {
			select {
			case <-wait:
			case <-ctx.Done():
				t.Fatal("the run does not end its job")
			}
		}
	}
	_ = c.Wait() // always an error: it was interrupted
	// A shell gives 130 for both.
	if status := c.ProcessState.Sys().(syscall.WaitStatus); status.ExitStatus() != 130 && status.Signal() != syscall.SIGINT {
		t.Errorf("the process ended with %s", c.ProcessState)
	}
	if after := s.value("SELECT count(*) || string_agg(name, ',' ORDER BY id) FROM public.t"); after != before {
		t.Error("the table changed")
	}
	free()
	s.org.Heal()
	s.loads("api=bulk")
	s.exact()
}
