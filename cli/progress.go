package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"sluice/pipeline"
)

const (
	liveEvery = 200 * time.Millisecond
	lineEvery = 5 * time.Second
)

// display shows how far a run is: a bar for each table on a terminal, else a
// plain line now and then.
type display struct {
	out   io.Writer
	every time.Duration // 0 shows nothing
	live  *liveBlock    // nil prints plain lines
}

// shown is a table that a display tells of.
type shown struct {
	name     string
	progress *pipeline.Progress
	ended    atomic.Bool
	failed   atomic.Bool // set before ended
}

// newDisplay reads --progress. On debug the log tells more than bars would, so
// auto keeps to plain lines. On --quiet auto is none; what was asked for by name
// is shown.
func (p *program) newDisplay(kind string, debug bool) (display, error) {
	terminal := p.terminal(p.Stderr)
	if kind == "auto" {
		switch {
		case p.quiet:
			kind = "none"
		case terminal != nil && !debug:
			kind = "interactive"
		default:
			kind = "log"
		}
	}
	switch kind {
	case "interactive":
		if terminal == nil {
			return display{}, &usageError{"--progress interactive needs a terminal on stderr", "use auto or log"}
		}
		size := func() (width, height int) { width, height, _ = term.GetSize(int(terminal.Fd())); return width, height }
		return display{p.Stderr, liveEvery, &liveBlock{out: p.Stderr, size: size, style: barStyle(p.Getenv)}}, nil
	case "log":
		return display{p.Stderr, lineEvery, nil}, nil
	case "none":
		return display{}, nil
	default:
		return display{}, &usageError{fmt.Sprintf("--progress %q is unknown", kind), "use auto, interactive, log or none"}
	}
}

// logTo is where log lines go so that they do not run into the bars.
func (d display) logTo(w io.Writer) io.Writer {
	if d.live == nil {
		return w
	}
	return d.live
}

// start shows how far tables are until the func it returns is called or ctx
// ends.
func (d display) start(ctx context.Context, tables []*shown) (stop func()) {
	if d.every == 0 {
		return func() {}
	}
	done := make(chan struct{})
	var showing sync.WaitGroup
	showing.Go(func() { d.show(ctx, done, tables) })
	return func() {
		close(done)
		showing.Wait()
	}
}

func (d display) show(ctx context.Context, done <-chan struct{}, tables []*shown) {
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	meters := make([]meter, len(tables))
	interrupted := ctx.Done()
	for {
		select {
		case now := <-tick.C:
			looks := make([]look, len(tables))
			for i, t := range tables {
				looks[i] = meters[i].look(t, now)
			}
			d.print(looks)
		case <-interrupted:
			interrupted = nil
			tick.Stop() // what comes now is cleaning up, not progress
			d.clear()
			d.line("interrupted: ending what the org runs for us and dropping what was staged; again to stop at once")
		case <-done:
			d.clear()
			return
		}
	}
}

func (d display) print(looks []look) {
	switch {
	case d.live != nil:
		d.live.set(looks)
	case len(looks) == 1:
		d.line(looks[0].name + ": " + looks[0].line())
	default:
		d.line(manyLine(looks))
	}
}

// line writes one that stays. Progress that cannot be shown stops no run.
func (d display) line(text string) { _, _ = fmt.Fprintf(d.out, "sluice: %s\n", text) }

func (d display) clear() {
	if d.live != nil {
		d.live.set(nil)
	}
}

// meter remembers when a table's phase began, for rates.
type meter struct {
	phase pipeline.Phase
	since time.Time
	start pipeline.Snapshot
}

// look is how far a table is at one moment.
type look struct {
	name string
	pipeline.Snapshot
	ended, failed bool
	in            time.Duration // in this phase
	rows          float64       // a second, on average of the phase; 0 when not known yet
	bytes         float64
}

func (m *meter) look(t *shown, now time.Time) look {
	s := t.progress.Snapshot()
	if s.Phase != m.phase || m.since.IsZero() {
		m.phase, m.since, m.start = s.Phase, now, s
	}
	l := look{name: t.name, Snapshot: s, ended: t.ended.Load(), failed: t.failed.Load(), in: now.Sub(m.since)}
	if l.in >= time.Second {
		l.rows = float64(s.Rows-m.start.Rows) / l.in.Seconds()
		l.bytes = float64(s.Usage.Bytes-m.start.Usage.Bytes) / l.in.Seconds()
	}
	return l
}

// line says what runs and how fast.
func (l look) line() string {
	calls := plural(l.Usage.Calls, "API call")
	switch l.Phase {
	case pipeline.Copy:
		text := plural(l.Rows, "row")
		if l.Expected > 0 && l.Rows <= l.Expected {
			text = fmt.Sprintf("%s of %s (%d%%)", count(l.Rows), plural(l.Expected, "row"), 100*l.Rows/l.Expected)
		}
		if l.rows > 0 {
			text += fmt.Sprintf(", %s rows/s, %s/s", count(int64(l.rows)), size(int64(l.bytes)))
		}
		return text + ", " + calls
	case pipeline.Commit:
		return fmt.Sprintf("committing %s, %s", plural(l.Rows, "row"), duration(l.in))
	default:
		return fmt.Sprintf("%s, %s, %s", l.doing(), duration(l.in), calls)
	}
}

// doing names what goes on before rows come.
func (l look) doing() string {
	switch {
	case l.Phase == pipeline.Connect:
		return "logging in"
	case l.Doing != "":
		return l.Doing
	default:
		return "planning"
	}
}

// manyLine tells of several tables in one line.
func manyLine(looks []look) string {
	var done, failed, rows, calls int64
	var busy []string
	for _, l := range looks {
		rows, calls = rows+l.Rows, calls+l.Usage.Calls
		switch {
		case l.failed:
			failed++
		case l.ended:
			done++
		case l.Phase == pipeline.Copy || l.Phase == pipeline.Commit:
			busy = append(busy, l.name)
		}
	}
	text := fmt.Sprintf("%d of %s done", done, plural(int64(len(looks)), "table"))
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	text += fmt.Sprintf(", %s, %s", plural(rows, "row"), plural(calls, "API call"))
	if len(busy) > 0 {
		text += "; copying " + strings.Join(busy, ", ")
	}
	return text
}
