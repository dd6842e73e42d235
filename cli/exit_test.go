package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/destination"
	"sluice/source"
	"sluice/uri"
)

func TestExitCodes(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"success", nil, 0},
		{"any other error", boom, 1},
		{"a bad flag", &usageError{"text", "mend"}, 2},
		{"a bad address", &uri.Error{Text: "text"}, 2},
		{"an unknown table", &source.Error{Kind: source.BadRequest, Err: boom}, 2},
		{"a bad table name", &destination.Error{Err: boom, Usage: true}, 2},
		{"a broken source", &source.Error{Err: boom}, 1},
		{"a refused login", &source.Error{Kind: source.Refused, Err: boom}, 4},
		{"a full disk", &destination.Error{Err: boom}, 5},
		{"a spent budget", &source.Error{Kind: source.BudgetSpent, Err: boom}, 6},
		{"an org that is down", &source.Error{Kind: source.TryLater, Err: boom}, 75},
		{"a signal", errInterrupted, 130},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err
			if err != nil {
				err = fmt.Errorf("ingest: %w", err)
			}
			if got := exitCode(err); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
			if !strings.Contains(exitStatus, fmt.Sprintf("\n  %-3d  ", tt.want)) {
				t.Errorf("the help does not explain exit code %d", tt.want)
			}
		})
	}
}

func TestAnErrorIsNamedInterruptedOnlyWhenASignalCausedIt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	mismatch := errors.New("read 6 rows but wrote 5")
	if got := nameInterrupt(ctx, context.Canceled); !errors.Is(got, context.Canceled) {
		t.Errorf("no signal came, but got %v", got)
	}
	cancel(errors.New("interrupt signal received"))
	if got := nameInterrupt(ctx, fmt.Errorf("copy: %w", context.Cause(ctx))); !errors.Is(got, errInterrupted) {
		t.Errorf("got %v, want interrupted", got)
	}
	if got := nameInterrupt(ctx, mismatch); !errors.Is(got, mismatch) {
		t.Errorf("an error of its own became %v", got)
	}
	if got := nameInterrupt(ctx, nil); got != nil {
		t.Errorf("a run that finished became %v", got)
	}
}
