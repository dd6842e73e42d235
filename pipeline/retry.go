package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxAttempts is how often one part is read before its error ends the run.
	// Single requests are repeated below, in the source's transport; this is
	// for bodies that break off half-way.
	maxAttempts = 5
	// maxWait is the longest pause the upstream system may ask for. If it asks
	// for more, the run ends and says so rather than hang for hours.
	maxWait = 5 * time.Minute
)

// pauses gives the growing waits between the attempts of one part.
func pauses() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = time.Second
	b.MaxInterval = 30 * time.Second
	return b
}

// retryable says whether err may go away by reading again, and how long the
// upstream system asked to wait.
func retryable(err error) (wait time.Duration, ok bool) {
	var again interface{ Retryable() bool }
	if !errors.As(err, &again) || !again.Retryable() {
		return 0, false
	}
	var after interface{ RetryAfter() time.Duration }
	if errors.As(err, &after) {
		wait = after.RetryAfter()
	}
	return wait, wait <= maxWait
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
