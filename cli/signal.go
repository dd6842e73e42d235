package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"sluice/source"
)

// interruptible ends ctx on the first SIGINT or SIGTERM. Before it does, these
// get back what they do by default, so that whoever sees ctx ended can be
// killed by a second one; signal.NotifyContext leaves a gap there. SIGPIPE does
// nothing meanwhile: whoever reads our output may go away in the middle of a
// load, and a write of ours fails then.
func interruptible(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, syscall.SIGPIPE)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-signals:
			signal.Stop(signals)
			cancel(errInterrupted)
		case <-ctx.Done():
			signal.Stop(signals)
		}
	})
	return ctx, func() {
		cancel(nil)
		watching.Wait()
		signal.Stop(unread)
	}
}

// nameInterrupt gives err its own name when it only says that a signal, or the
// clock, ended ctx.
func nameInterrupt(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || !errors.Is(err, cause) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if late, ok := errors.AsType[*source.Error](cause); ok {
		return late
	}
	return errInterrupted
}

// within ends ctx after d; 0 is no bound.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, &source.Error{
		Kind: source.TryLater,
		Err:  fmt.Errorf("the run took longer than %s and was ended; the table is as it was", d),
		Mend: "run again, which goes on with the pages of a Bulk job that are there, or allow more by --timeout",
	})
}
