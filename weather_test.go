package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"sluice/cli"
	"sluice/source/salesforce/fakeorg"
)

// hastily is what cli.Env needs for pauses to take a hundredth of their time,
// and silence to be noticed soon.
func hastily(e cli.Env) cli.Env {
	e.Sleep = func(ctx context.Context, d time.Duration) error {
		t := time.NewTimer(d / 100)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	e.Silence = time.Second
	return e
}

// hasty is the command "hasty": sluice in a hurry.
func hasty() {
	code := cli.Run(os.Args, hastily(cli.Env{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Tables: tables, Version: "test"}))
	os.Exit(code) //nolint:forbidigo // it is the main of that command
}

// ran is what came of one run.
type ran struct {
	outcome
	stdout, stderr string
}

// deadline is when a run is taken to hang. The longest of those that end by
// themselves takes some ten seconds.
const deadline = 2 * time.Minute

// hurry runs sluice in this process, wants it to end, to leave no goroutine,
// and to print no secret (P10).
func hurry(t *testing.T, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(append([]string{"sluice"}, args...), hastily(cli.Env{
			Stdout: &stdout, Stderr: &stderr, Tables: tables, Version: "test", Getenv: func(string) string { return "" },
		}))
	}()
	select {
	case code := <-ended:
		noneLeft(t)
		return judged(t, code, stdout.String(), stderr.String())
	case <-time.After(deadline):
		t.Fatalf("the run hangs:\n%s", stacks())
		return ran{}
	}
}

// hurryChild is hurry in a process of its own, which is killed once kill says
// so; a process that was killed has no outcome.
func hurryChild(t *testing.T, kill func() bool, args ...string) (r ran, killed bool) {
	t.Helper()
	bin, err := exec.LookPath("hasty")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, bin, args...)
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ended:
			if ctx.Err() != nil {
				t.Fatalf("the run hangs; stderr:\n%s", stderr.String())
			}
			return judged(t, c.ProcessState.ExitCode(), stdout.String(), stderr.String()), false
		case <-look.C:
			if kill() {
				_ = c.Process.Kill()
				<-ended
				if found := secretsIn(stdout.String() + stderr.String()); found != "" {
					t.Fatalf("a secret was printed: %s", found)
				}
				return ran{stderr: stderr.String()}, true
			}
		}
	}
}

// judged reads what a run printed, and finds what it may never print.
func judged(t *testing.T, code int, stdout, stderr string) (r ran) {
	t.Helper()
	if found := secretsIn(stdout + stderr); found != "" {
		t.Fatalf("a secret was printed: %s", found)
	}
	if strings.Contains(stderr, "goroutine ") {
		t.Fatalf("a stack trace was printed:\n%s", stderr)
	}
	r.stdout, r.stderr = stdout, stderr
	if strings.HasPrefix(stdout, "{") {
		if err := json.Unmarshal([]byte(stdout), &r.outcome); err != nil {
			t.Fatalf("%v: %s", err, stdout)
		}
		if r.Code != code {
			t.Fatalf("exit code %d, and the JSON has %d", code, r.Code)
		}
	}
	r.Code = code
	return r
}

// noneLeft waits for the goroutines of a run to end. Those of the org and of
// the test itself stay.
func noneLeft(t *testing.T) {
	t.Helper()
	var left string
	if err := until(func() bool { left = ours(); return left == "" }); err != nil {
		t.Fatalf("a goroutine of the run is left:\n%s", left)
	}
}

// ours gives the first goroutine that a run has started.
func ours() string {
	for _, g := range strings.Split(stacks(), "\n\n") {
		if strings.Contains(g, "main.ours(") || strings.Contains(g, "fakeorg") {
			continue
		}
		for _, part := range []string{"sluice/cli.", "sluice/pipeline.", "sluice/source/salesforce.", "sluice/destination/", "net/http.(*persistConn)", "net/http.(*http2ClientConn)", "duckdb-go", "pgx/v5"} {
			if strings.Contains(g, part) && !strings.Contains(g, "sluice/destination/postgres/pgtest") {
				return g
			}
		}
	}
	return ""
}

func stacks() string {
	b := make([]byte, 4<<20)
	return string(b[:runtime.Stack(b, true)])
}

// signIns are the addresses of an org, by the way to log in.
func signIns(org *fakeorg.Org, signIn string) map[string]string {
	return map[string]string{
		"password": "salesforce://?username=" + url.QueryEscape(fakeorg.Username) + "&password=" + url.QueryEscape(fakeorg.Password) +
			"&token=" + fakeorg.SecurityToken + "&domain=" + signIn,
		"credentials": "salesforce://?client_id=" + fakeorg.ClientID + "&client_secret=" + fakeorg.ClientSecret + "&domain=" + org.InstanceURL(),
		"token":       "salesforce://?access_token=" + url.QueryEscape(org.AccessToken()) + "&domain=" + org.InstanceURL(),
	}
}

// documented gives the rows of doc/faults.md by their names: what becomes of
// each fault, and with which exit code it ends when that does not help.
func documented(t *testing.T) map[string]struct{ does, exit string } {
	t.Helper()
	text, err := os.ReadFile("doc/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]struct{ does, exit string }{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|") // the last one, the hint, may hold more of them
		if len(cells) < 11 || strings.Contains(line, "---") || cells[1] == " Fault " {
			continue
		}
		rules[strings.TrimSpace(cells[1])] = struct{ does, exit string }{strings.TrimSpace(cells[7]), strings.TrimSpace(cells[8])}
	}
	if len(rules) < 40 {
		t.Fatalf("doc/faults.md has %d rows", len(rules))
	}
	return rules
}

// ruleFor is the row that a trouble is an example of, whose name may say more;
// without one it is the last row.
func ruleFor(t *testing.T, name string, rules map[string]struct{ does, exit string }) (does string, exit int) {
	t.Helper()
	best := ""
	for rule := range rules {
		if name == rule || strings.HasPrefix(name, rule) && len(rule) > len(best) && best != name {
			best = rule
		}
	}
	if best == "" {
		best = "anything else"
	}
	if text := rules[best].exit; text != "" {
		if _, err := fmt.Sscan(text, &exit); err != nil {
			t.Fatal(err)
		}
	}
	return rules[best].does, exit
}
