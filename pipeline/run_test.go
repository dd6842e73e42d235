package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/destination"
)

func TestRunCopiesEveryRowOnce(t *testing.T) {
	o, d := world()
	report, err := Run(t.Context(), jobFor(o, d))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 4, 5, 6}, sorted(d.rows)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for _, p := range Phases {
		if _, ok := report.Took[p]; !ok {
			t.Errorf("phase %s was not timed", p)
		}
	}
	if report.Started.IsZero() || report.Ended.Before(report.Started) || report.Reading <= 0 || report.Writing <= 0 {
		t.Errorf("from %s to %s, %s reading, %s writing", report.Started, report.Ended, report.Reading, report.Writing)
	}
	report.Took, report.Run = nil, ""
	report.Started, report.Ended, report.Reading, report.Writing = time.Time{}, time.Time{}, 0, 0
	want := Report{
		Host: "acme.example.com", SourceTable: "BigThing", DestTable: "public.big_thing", Fields: []Field{{Name: "Id"}},
		API: "rest", Reason: "3 rows", Asked: "replace", Strategy: "replace",
		RowsRead: 6, RowsWritten: 6, Bytes: 700, Calls: 7, Created: true,
		Warnings: []string{"field X is left out"},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if o.closed != 1 || o.ended != 1 || d.aborts != 1 {
		t.Errorf("source closed %d, scan closed %d, load aborted %d times; want 1 each", o.closed, o.ended, d.aborts)
	}
}

func TestStrategies(t *testing.T) {
	for _, tt := range []struct {
		asked, table, used string
		rows               int
	}{
		{"", "replace", "replace", 6},
		{"append", "replace", "append", 7},
		{"", "merge", "replace", 6}, // a first merge reads everything
		{"merge", "replace", "replace", 6},
	} {
		t.Run(fmt.Sprintf("%q on a %s table", tt.asked, tt.table), func(t *testing.T) {
			o, d := world()
			o.strategy = tt.table
			j := jobFor(o, d)
			j.Strategy = tt.asked
			report, err := Run(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			if report.Strategy != tt.used || len(d.rows) != tt.rows {
				t.Errorf("used %s, %d rows; want %s, %d", report.Strategy, len(d.rows), tt.used, tt.rows)
			}
		})
	}
}

func TestUnknownStrategyIsRefusedBeforeTheDestinationIsAsked(t *testing.T) {
	o, d := world()
	j := jobFor(o, d)
	j.Strategy = "upsert"
	_, err := Run(t.Context(), j)
	if err == nil || !strings.Contains(err.Error(), `"upsert"`) || d.spec.Mode != "" {
		t.Errorf("got %v, destination asked for mode %q", err, d.spec.Mode)
	}
}

func TestATableNameThatIsGivenIsKept(t *testing.T) {
	o, d := world()
	j := jobFor(o, d)
	j.Table = destination.TableName{Schema: "crm", Table: "Big"}
	report, err := Run(t.Context(), j)
	if err != nil || d.spec.Table != j.Table || report.DestTable != "crm.Big" {
		t.Errorf("got %v, %v, %q", err, d.spec.Table, report.DestTable)
	}
}

// steps are the places where a run can break, in both ends.
var steps = []struct {
	name   string
	source bool
	begun  bool // a load was begun, so it must be aborted
	opened bool // a scan was opened, so it must be closed
}{
	{"open", true, false, false},
	{"table", true, false, false},
	{"begin", false, false, false},
	{"scan", true, true, false},
	{"next", true, true, true},
	{"stage", false, true, true},
	{"read", true, true, true},
	{"write", false, true, true},
	{"stage close", false, true, true},
	{"commit", false, true, true},
}

func (o *org) hook(d *database, step string, source bool, f func(context.Context) error) {
	if source {
		o.hooks[step] = f
	} else {
		d.hooks[step] = f
	}
}

func TestAnErrorAtAnyStepLeavesTheOldTable(t *testing.T) {
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			o, d := world()
			o.hook(d, step.name, step.source, func(context.Context) error { return errBoom })
			report, err := Run(t.Context(), jobFor(o, d))
			if !errors.Is(err, errBoom) {
				t.Fatalf("got %v, want the first cause", err)
			}
			checkUndone(t, o, d, step.begun, step.opened)
			if report.RowsWritten != 0 {
				t.Errorf("report says %d rows written", report.RowsWritten)
			}
		})
	}
}

func TestCancelAtAnyStepLeavesTheOldTable(t *testing.T) {
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			o, d := world()
			interrupt := errors.New("interrupted")
			ctx, cancel := context.WithCancelCause(t.Context())
			o.hook(d, step.name, step.source, func(ctx context.Context) error {
				cancel(interrupt)
				<-ctx.Done()
				return fmt.Errorf("some request: %w", ctx.Err())
			})
			_, err := Run(ctx, jobFor(o, d))
			if err != interrupt { //nolint:errorlint // the cause itself, not something around it
				t.Fatalf("got %v, want the cause of the cancellation", err)
			}
			checkUndone(t, o, d, step.begun, step.opened)
		})
	}
}

// checkUndone says whether everything that was begun was ended, with a context
// that still lives.
func checkUndone(t *testing.T, o *org, d *database, begun, opened bool) {
	t.Helper()
	if diff := cmp.Diff([]int64{99}, d.rows); diff != "" {
		t.Errorf("old rows (-want +got):\n%s", diff)
	}
	if len(d.staged) != 0 {
		t.Errorf("%d rows are left in staging", len(d.staged))
	}
	if begun && (d.aborts != 1 || !d.abortedAlive) {
		t.Errorf("load aborted %d times, context alive %t", d.aborts, d.abortedAlive)
	}
	if opened && (o.ended != 1 || !o.endedAlive) {
		t.Errorf("scan closed %d times, context alive %t", o.ended, o.endedAlive)
	}
}

func TestABrokenPartIsReadAgainWithoutDoublingRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, d := world()
		o.hooks["read"] = times(4, again{})
		report, err := Run(t.Context(), jobFor(o, d))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{1, 2, 3, 4, 5, 6}, sorted(d.rows)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		if d.dropped != 4 || report.Retries != 4 || report.RowsRead != 6 {
			t.Errorf("dropped %d stages, %d retries, %d rows read; want 4, 4, 6", d.dropped, report.Retries, report.RowsRead)
		}
	})
}

func TestRetriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, d := world()
		o.parts = [][][]int64{{{1}}}
		o.hooks["read"] = times(1000, again{})
		_, err := Run(t.Context(), jobFor(o, d))
		if !errors.As(err, new(again)) {
			t.Errorf("got %v, want the part's own error", err)
		}
		if d.stages != maxAttempts {
			t.Errorf("part was read %d times, want %d", d.stages, maxAttempts)
		}
	})
}

func TestTheWaitThatTheSourceAsksForIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, d := world()
		o.hooks["read"] = times(1, again{after: 2 * time.Minute})
		start := time.Now()
		if _, err := Run(t.Context(), jobFor(o, d)); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited < 2*time.Minute {
			t.Errorf("waited %s, want 2 minutes", waited)
		}
	})
}

func TestAWaitOfHoursEndsTheRun(t *testing.T) {
	o, d := world()
	o.hooks["read"] = times(1, again{after: 3 * time.Hour})
	if _, err := Run(t.Context(), jobFor(o, d)); !errors.As(err, new(again)) {
		t.Errorf("got %v, want the part's own error", err)
	}
}

func TestCancelEndsTheWaitBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, d := world()
		o.hooks["read"] = times(1, again{after: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := Run(ctx, jobFor(o, d))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}

func TestErrorsOfTheDestinationAreNotRetried(t *testing.T) {
	for _, step := range []string{"stage", "write", "stage close"} {
		t.Run(step, func(t *testing.T) {
			o, d := world()
			o.parts = [][][]int64{{{1}}}
			d.hooks[step] = times(1, again{})
			if _, err := Run(t.Context(), jobFor(o, d)); !errors.As(err, new(again)) {
				t.Errorf("got %v; the rows may be there already, reading again could double them", err)
			}
		})
	}
}

func TestAConnectionThatEndsIsNotTheEndOfTheTable(t *testing.T) {
	o, d := world()
	o.hooks["next"] = func(context.Context) error { return fmt.Errorf("poll: %w", io.EOF) }
	if _, err := Run(t.Context(), jobFor(o, d)); err == nil {
		t.Error("a wrapped io.EOF ended the scan as if all parts were out")
	}
	checkUndone(t, o, d, true, true)
}

func TestCountsThatDifferFailTheRun(t *testing.T) {
	t.Run("the org sent less than it says", func(t *testing.T) {
		o, d := world()
		o.lies = errors.New("job 750 processed 9 rows but sent 6")
		if _, err := Run(t.Context(), jobFor(o, d)); !errors.Is(err, o.lies) {
			t.Errorf("got %v", err)
		}
		checkUndone(t, o, d, true, true)
	})
	t.Run("the destination wrote less than was read", func(t *testing.T) {
		o, d := world()
		d.writtenOff = -1
		_, err := Run(t.Context(), jobFor(o, d))
		if err == nil || err.Error() != "load public.big_thing: read 6 rows but wrote 5 and passed over 0" {
			t.Errorf("got %v", err)
		}
	})
}

func TestTroubleWithCleaningUpIsAWarning(t *testing.T) {
	boom := func(context.Context) error { return errBoom }
	t.Run("after a commit", func(t *testing.T) {
		o, d := world()
		o.hooks["end"], o.hooks["close"] = boom, boom
		report, err := Run(t.Context(), jobFor(o, d))
		if err != nil {
			t.Fatalf("the rows are there, yet: %v", err)
		}
		want := []string{"field X is left out", "end the job in the org: boom", "log out: boom"}
		if diff := cmp.Diff(want, report.Warnings); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
	})
	t.Run("after an error", func(t *testing.T) {
		o, d := world()
		first := errors.New("disk full")
		d.hooks["commit"] = func(context.Context) error { return first }
		d.hooks["abort"] = boom
		report, err := Run(t.Context(), jobFor(o, d))
		if !errors.Is(err, first) || errors.Is(err, errBoom) {
			t.Errorf("got %v, want the first cause alone", err)
		}
		if report.Warnings[len(report.Warnings)-1] != "drop what was staged: boom" {
			t.Errorf("warnings %q do not tell of the staging that is left", report.Warnings)
		}
	})
}

func TestATableWithoutRowsIsStillCommitted(t *testing.T) {
	o, d := world()
	o.parts = nil
	report, err := Run(t.Context(), jobFor(o, d))
	if err != nil || len(d.rows) != 0 || report.RowsWritten != 0 {
		t.Errorf("got %v, %d rows left, %d written", err, len(d.rows), report.RowsWritten)
	}
}

func TestWorkersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, d := world()
		o.parts = make([][][]int64, 40)
		for i := range o.parts {
			o.parts[i] = [][]int64{{int64(i)}}
		}
		var mu sync.Mutex
		var busy, most int
		o.hooks["read"] = func(context.Context) error {
			mu.Lock()
			busy++
			most = max(most, busy)
			mu.Unlock()
			time.Sleep(time.Second) // the bubble's clock: no real wait
			mu.Lock()
			busy--
			mu.Unlock()
			return nil
		}
		j := jobFor(o, d)
		j.Workers = 3
		if _, err := Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if most != 3 || len(d.rows) != 40 {
			t.Errorf("%d parts were read at once, %d rows arrived; want 3 and 40", most, len(d.rows))
		}
	})
}

func TestProgressTellsWhatRuns(t *testing.T) {
	o, d := world()
	var p Progress
	if s := p.Snapshot(); s.Phase != "" || s.Expected != -1 {
		t.Errorf("before the run: %+v", s)
	}
	var waiting, committing Snapshot
	o.hooks["next"] = func(context.Context) error {
		if waiting.Phase == "" {
			waiting = p.Snapshot()
		}
		return nil
	}
	d.hooks["commit"] = func(context.Context) error { committing = p.Snapshot(); return nil }
	j := jobFor(o, d)
	j.Progress = &p
	if _, err := Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	usage := (&org{}).Usage()
	if diff := cmp.Diff(Snapshot{Phase: Wait, Doing: "waiting for Bulk job 750", Expected: 3, Usage: usage}, waiting); diff != "" {
		t.Errorf("while waiting (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Snapshot{Phase: Commit, Rows: 6, Expected: 3, Usage: usage}, committing); diff != "" {
		t.Errorf("while committing (-want +got):\n%s", diff)
	}
}
