package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"sluice/pipeline"
)

const (
	liveEvery = 200 * time.Millisecond
	lineEvery = 5 * time.Second
)

// display shows how far a run is: one live line on a terminal, else a plain
// line now and then.
type display struct {
	out   io.Writer
	every time.Duration // 0 shows nothing
	live  *liveLine     // nil prints plain lines
}

// newDisplay reads --progress. On debug the log tells more than a live line
// would, so auto keeps to plain lines.
func (p *program) newDisplay(kind string, debug bool) (display, error) {
	file, isFile := p.Stderr.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd())) && p.Getenv("TERM") != "dumb"
	if kind == "auto" {
		kind = "log"
		if terminal && !debug {
			kind = "interactive"
		}
	}
	switch kind {
	case "interactive":
		if !terminal {
			return display{}, &usageError{"--progress interactive needs a terminal on stderr", "use auto or log"}
		}
		width := func() int { w, _, _ := term.GetSize(int(file.Fd())); return w }
		return display{p.Stderr, liveEvery, &liveLine{out: p.Stderr, width: width}}, nil
	case "log":
		return display{p.Stderr, lineEvery, nil}, nil
	case "none":
		return display{}, nil
	default:
		return display{}, &usageError{fmt.Sprintf("--progress %q is unknown", kind), "use auto, interactive, log or none"}
	}
}

// logTo is where log lines go so that they do not run into the live line.
func (d display) logTo(w io.Writer) io.Writer {
	if d.live == nil {
		return w
	}
	return d.live
}

// start shows p until the func it returns is called or ctx ends.
func (d display) start(ctx context.Context, table string, p *pipeline.Progress) (stop func()) {
	if d.every == 0 {
		return func() {}
	}
	done := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() { d.show(ctx, done, table, p) })
	return func() {
		close(done)
		shown.Wait()
	}
}

func (d display) show(ctx context.Context, done <-chan struct{}, table string, p *pipeline.Progress) {
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	meter := newMeter(time.Now())
	interrupted := ctx.Done()
	for {
		select {
		case now := <-tick.C:
			d.print(table + ": " + meter.line(p.Snapshot(), now))
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

func (d display) print(line string) {
	if d.live != nil {
		d.live.set(line)
		return
	}
	d.line(line)
}

// line writes one that stays. Progress that cannot be shown stops no run.
func (d display) line(text string) { _, _ = fmt.Fprintf(d.out, "sluice: %s\n", text) }

func (d display) clear() {
	if d.live != nil {
		d.live.set("")
	}
}

// meter turns snapshots into lines with rates.
type meter struct {
	phase pipeline.Phase
	since time.Time // when phase began
	start pipeline.Snapshot
}

func newMeter(now time.Time) *meter { return &meter{since: now} }

// line says what runs and how fast: rates are averages of the copying so far.
func (m *meter) line(s pipeline.Snapshot, now time.Time) string {
	if s.Phase != m.phase {
		m.phase, m.since, m.start = s.Phase, now, s
	}
	in := now.Sub(m.since)
	calls := plural(s.Usage.Calls, "API call")
	switch s.Phase {
	case pipeline.Copy:
		return m.copying(s, in) + ", " + calls
	case pipeline.Commit:
		return fmt.Sprintf("committing %s, %s", plural(s.Rows, "row"), duration(in))
	case pipeline.Connect:
		return fmt.Sprintf("logging in, %s", duration(in))
	default:
		doing := s.Doing
		if doing == "" {
			doing = "planning"
		}
		return fmt.Sprintf("%s, %s, %s", doing, duration(in), calls)
	}
}

func (m *meter) copying(s pipeline.Snapshot, in time.Duration) string {
	text := plural(s.Rows, "row")
	if s.Expected > 0 && s.Rows <= s.Expected {
		text = fmt.Sprintf("%s of %s (%d%%)", count(s.Rows), plural(s.Expected, "row"), 100*s.Rows/s.Expected)
	}
	if in < time.Second {
		return text
	}
	return fmt.Sprintf("%s, %s rows/s, %s/s", text,
		count(int64(float64(s.Rows-m.start.Rows)/in.Seconds())),
		size(int64(float64(s.Usage.Bytes-m.start.Usage.Bytes)/in.Seconds())))
}

// liveLine is the last line of a terminal, written over and over. Log lines
// written to it scroll above.
type liveLine struct {
	out   io.Writer
	width func() int // of the terminal; 0 when unknown

	mu   sync.Mutex
	text string
}

const clearLine = "\r\x1b[K"

func (l *liveLine) set(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = text
	_, _ = fmt.Fprint(l.out, clearLine+cut(text, l.width()-1))
}

// Write prints whole log lines above the live line.
func (l *liveLine) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := fmt.Fprintf(l.out, "%s%s", clearLine, b); err != nil {
		return 0, err
	}
	_, err := fmt.Fprint(l.out, cut(l.text, l.width()-1))
	return len(b), err
}

// cut keeps a line from wrapping, which "\r" could not take back.
func cut(s string, width int) string {
	runes := []rune(strings.ReplaceAll(s, "\n", " "))
	if width < 1 || len(runes) <= width {
		return string(runes)
	}
	return string(runes[:width-1]) + "…"
}
