package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/source"
)

func usage(bytes, calls int64) source.Usage { return source.Usage{Bytes: bytes, Calls: calls} }

func TestProgressLines(t *testing.T) {
	for _, tt := range []struct {
		l    look
		want string
	}{
		{look{Snapshot: pipeline.Snapshot{Phase: pipeline.Connect, Expected: -1}}, "logging in, 0 ms, 0 API calls"},
		{look{Snapshot: pipeline.Snapshot{Phase: pipeline.Plan, Expected: -1, Usage: usage(0, 3)}}, "planning, 0 ms, 3 API calls"},
		{look{Snapshot: pipeline.Snapshot{Phase: pipeline.Wait, Doing: "waiting for Bulk job 750", Expected: -1, Usage: usage(0, 9)}, in: 12 * time.Second}, "waiting for Bulk job 750, 12.0 s, 9 API calls"},
		{look{Snapshot: pipeline.Snapshot{Phase: pipeline.Copy, Expected: 40000, Usage: usage(1000, 10)}}, "0 of 40,000 rows (0%), 10 API calls"},
		{look{Snapshot: pipeline.Snapshot{Phase: pipeline.Copy, Rows: 10000, Expected: 40000, Usage: usage(20_001_000, 12)}, rows: 1000, bytes: 2e6}, "10,000 of 40,000 rows (25%), 1,000 rows/s, 2.0 MB/s, 12 API calls"},
		{look{Snapshot: pipeline.Snapshot{Phase: pipeline.Commit, Rows: 40000, Expected: 40000}}, "committing 40,000 rows, 0 ms"},
	} {
		if got := tt.l.line(); got != tt.want {
			t.Errorf("got %q\nwant %q", got, tt.want)
		}
	}
}

func TestRatesAreThoseOfThePhase(t *testing.T) {
	var progress pipeline.Progress
	start := time.Now()
	m, table := meter{}, &shown{name: "account", progress: &progress}
	for _, at := range []time.Duration{0, 500 * time.Millisecond} {
		if l := m.look(table, start.Add(at)); l.rows != 0 || l.in != at {
			t.Errorf("after %s: %f rows/s in %s", at, l.rows, l.in)
		}
	}
	m.start.Rows = -3000 // as if they had come in the meantime
	if l := m.look(table, start.Add(2*time.Second)); l.rows != 1500 {
		t.Errorf("%f rows/s, want 1500", l.rows)
	}
}

// threeTables is a run in its middle.
func threeTables() []look {
	return []look{
		{name: "account", Snapshot: pipeline.Snapshot{Phase: pipeline.Copy, Rows: 812_400, Expected: 1_000_000, Usage: usage(1, 123)}, rows: 40_123, bytes: 38.2e6},
		{name: "user", ended: true, Snapshot: pipeline.Snapshot{Phase: pipeline.Commit, Rows: 50, Usage: usage(1, 4)}},
		{name: "opportunity_contact_role", in: 12 * time.Second, Snapshot: pipeline.Snapshot{Phase: pipeline.Wait, Doing: "waiting for Bulk job 750R00000000001", Expected: -1, Usage: usage(1, 9)}},
		{name: "lead", Snapshot: pipeline.Snapshot{Expected: -1}},
	}
}

func TestBarsFitTheTerminal(t *testing.T) {
	s := style{"#", "."}
	for _, tt := range []struct {
		width int
		want  []string
	}{
		{80, []string{
			"account                   copy    ########..  81%  812,400 of 1,000,000",
			"opportunity_contact_role  waiting for Bulk job 750R00000000001  12.0 s  9 calls",
			"1 of 4 tables done, 812,450 rows, 136 API calls; copying account",
		}},
		{160, []string{
			"account                   copy    ############....  81%  812,400 of 1,000,000  ETA 5 s  40,123 rows/s  38.2 MB/s  123 calls",
			"opportunity_contact_role  waiting for Bulk job 750R00000000001  12.0 s  9 calls",
			"1 of 4 tables done, 812,450 rows, 136 API calls; copying account",
		}},
	} {
		if diff := cmp.Diff(tt.want, s.lines(threeTables(), tt.width-1, 24)); diff != "" {
			t.Errorf("%d columns (-want +got):\n%s", tt.width, diff)
		}
	}
	for width := 2; width < 200; width++ {
		for _, line := range s.lines(threeTables(), width, 24) {
			if n := utf8.RuneCountInString(line); n > width {
				t.Errorf("%d columns: %d are written: %q", width, n, line)
			}
		}
	}
	waits := []look{{name: "account", in: time.Second, Snapshot: pipeline.Snapshot{Phase: pipeline.Wait, Doing: "waiting for Bulk job: InProgress, 10,000 rows so far (750R00000000001AAA)", Usage: usage(1, 6)}}}
	if got, want := s.lines(waits, 79, 24)[0], "account  waiting for Bulk job: InProgress, 10,000 rows so far …  1.0 s  6 calls"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := s.lines(threeTables(), 80, 5); len(got) != 2 || !strings.HasPrefix(got[0], "account ") {
		t.Errorf("a low screen shows %q", got)
	}
}

// TestATableThatFailedIsNotCountedAsDone: who watches sees it before the end.
func TestATableThatFailedIsNotCountedAsDone(t *testing.T) {
	looks := threeTables()
	looks[1].failed = true
	if got, want := manyLine(looks), "0 of 4 tables done, 1 failed, 812,450 rows, 136 API calls; copying account"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestETAPromisesNotLessThanItTakes(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0 s", 0.2: "1 s", 1.1: "2 s", 59.5: "1 min 0 s", 3599.2: "1 h 0 min"} {
		if got := eta(seconds); got != want {
			t.Errorf("%g s are shown as %s, want %s", seconds, got, want)
		}
	}
}

func TestBarsKeepTheirPlaceBelowTheLog(t *testing.T) {
	var b bytes.Buffer
	width := 200
	block := &liveBlock{out: &b, size: func() (int, int) { return width, 24 }, style: style{"#", "."}}
	drawn := func(do func()) string {
		b.Reset()
		do()
		return b.String()
	}
	lines := block.style.lines(threeTables(), width-1, 23)
	body := strings.Join(lines, clearRight+"\n") + clearBelow
	if got := drawn(func() { block.set(threeTables()) }); got != "\r"+body {
		t.Errorf("first: %q", got)
	}
	if got := drawn(func() { block.set(threeTables()) }); got != "\r\x1b[2A"+body {
		t.Errorf("again: %q", got)
	}
	if got := drawn(func() { _, _ = block.Write([]byte("a log line\n")) }); got != "\r\x1b[2A"+clearBelow+"a log line\n"+body {
		t.Errorf("log: %q", got)
	}
	width = 70 // two of the lines take two rows of the screen now
	if got := drawn(func() { block.set(nil) }); got != "\r\x1b[4A"+clearBelow {
		t.Errorf("narrower: %q", got)
	}
	if got := drawn(func() { block.set(nil) }); got != "\r"+clearBelow {
		t.Errorf("cleared: %q", got)
	}
}

func TestBarsAreASCIIWithoutUTF8(t *testing.T) {
	for locale, want := range map[string]string{"": "#", "C": "#", "de_DE.UTF-8": "█", "C.utf8": "█", "de_DE.ISO-8859-1": "#"} {
		if got := barStyle(func(name string) string {
			if name == "LC_ALL" {
				return locale
			}
			return ""
		}); got.full != want {
			t.Errorf("LC_ALL=%s: bars of %q, want %q", locale, got.full, want)
		}
	}
}

func TestDisplayStopsWhenTheRunDoes(t *testing.T) {
	var b bytes.Buffer
	d := display{out: &b, every: time.Millisecond}
	stop := d.start(t.Context(), []*shown{{name: "account", progress: new(pipeline.Progress)}})
	stop()
	before := b.Len()
	if text := b.String(); strings.Contains(text, "interrupted") || b.Len() != before {
		t.Errorf("printed %q", text)
	}
}
