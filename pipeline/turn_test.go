package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"
)

// several runs a dozen jobs that take turns; each page begins after half a
// second, each commit takes a tenth. It gives how long all took, by a clock of
// the test's own, and the most that staged and that read at a time.
func several(t *testing.T, strike func(o *org, n int)) (took time.Duration, staging, reading int64, failed int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var atDesk, asking, mostAtDesk, mostAsking, errs atomic.Int64
		turns := NewTurns()
		begun := time.Now()
		var g errgroup.Group
		for n := range 12 {
			o, d := world()
			o.hooks = hooks{"request": func(context.Context) error {
				mostAsking.Store(max(mostAsking.Load(), asking.Add(1)))
				defer asking.Add(-1)
				time.Sleep(500 * time.Millisecond)
				return nil
			}}
			first := true
			d.hooks = hooks{
				"stage": func(context.Context) error {
					if first {
						mostAtDesk.Store(max(mostAtDesk.Load(), atDesk.Add(1)))
						first = false
					}
					return nil
				},
				"commit": func(context.Context) error {
					time.Sleep(100 * time.Millisecond)
					atDesk.Add(-1)
					return nil
				},
			}
			o.parts = o.parts[:1]
			if strike != nil {
				strike(o, n)
			}
			j := jobFor(o, d)
			j.Turns = turns
			g.Go(func() error {
				if _, err := Run(t.Context(), j); err != nil {
					errs.Add(1)
				}
				return nil
			})
		}
		_ = g.Wait()
		took, staging, reading, failed = time.Since(begun), mostAtDesk.Load(), mostAsking.Load(), int(errs.Load())
		if len(turns.line) != 0 || len(turns.desk) != 0 {
			t.Error("a job kept its place")
		}
	})
	return took, staging, reading, failed
}

func TestJobsThatTakeTurnsFetchTheirFirstPageBefore(t *testing.T) {
	took, staging, reading, failed := several(t, nil)
	if failed != 0 || staging != 1 || reading != 1+readAhead {
		t.Errorf("%d failed, %d staged at a time, %d read; want 0, 1, %d", failed, staging, reading, 1+readAhead)
	}
	// One page and all commits, by the test's own clock; one after the other it is 7.2 s.
	if want := 1700 * time.Millisecond; took != want {
		t.Errorf("took %s, want %s", took, want)
	}
}

func TestAJobThatFailsGivesItsTurnToTheOthers(t *testing.T) {
	down := errors.New("down")
	for step, at := range map[string]func(o *org) hooks{
		"in its first page": func(*org) hooks { return hooks{"request": func(context.Context) error { return down }} },
		"in its plan":       func(*org) hooks { return hooks{"scan": func(context.Context) error { return down }} },
		"in its rows": func(o *org) hooks {
			return hooks{"request": o.hooks["request"], "read": func(context.Context) error { return down }}
		},
	} {
		t.Run(step, func(t *testing.T) {
			_, _, _, failed := several(t, func(o *org, n int) {
				if n%3 == 0 {
					o.hooks = at(o)
				}
			})
			if failed != 4 {
				t.Errorf("%d jobs failed, want the 4 that broke", failed)
			}
		})
	}
}

func TestAnEmptyTableTakesItsTurn(t *testing.T) {
	_, _, _, failed := several(t, func(o *org, _ int) { o.parts = nil })
	if failed != 0 {
		t.Errorf("%d jobs failed", failed)
	}
}

func TestAJobThatHasItsTurnReadsAllItsPagesAtOnce(t *testing.T) {
	for name, turns := range map[string]*Turns{"alone": nil, "before any other": NewTurns()} {
		t.Run(name, func(t *testing.T) {
			var asking, most atomic.Int64
			o, d := world()
			parts := int64(len(o.parts))
			all := make(chan struct{})
			o.hooks = hooks{"request": func(ctx context.Context) error {
				if n := asking.Add(1); n == parts {
					close(all)
				}
				most.Store(max(most.Load(), asking.Load()))
				select {
				case <-all:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}}
			j := jobFor(o, d)
			j.Turns, j.Workers = turns, int(parts)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := Run(ctx, j); err != nil || most.Load() != parts || parts < 2 {
				t.Errorf("%d of %d pages were asked for at a time: %v", most.Load(), parts, err)
			}
		})
	}
}

// A part that was asked for may hold a request open, and the job at the desk
// needs requests, too.
func TestAJobInLineAsksForOnePartAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns()
		turns.desk <- struct{}{} // somebody else's
		o, d := world()
		var asked atomic.Int64
		o.hooks = hooks{"next": func(context.Context) error { asked.Add(1); return nil }}
		j := jobFor(o, d)
		j.Turns = turns
		ended := make(chan error, 1)
		go func() {
			_, err := Run(t.Context(), j)
			ended <- err
		}()
		synctest.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("asked for %d parts while in line, want 1", n)
		}
		<-turns.desk
		if err := <-ended; err != nil || len(d.rows) != 6 {
			t.Errorf("%v, %d rows", err, len(d.rows))
		}
	})
}
