package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interruptible ends ctx on the first SIGINT or SIGTERM. Before it does, these
// get back what they do by default, so that whoever sees ctx ended can be
// killed by a second one; signal.NotifyContext leaves a gap there.
func interruptible(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
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
	}
}

// nameInterrupt gives err its own name when it only says that a signal ended
// ctx.
func nameInterrupt(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, context.Canceled)) {
		return errInterrupted
	}
	return err
}
