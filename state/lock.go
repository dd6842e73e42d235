package state

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// lockPause is the time between two tries to take a lock: nobody holds it for
// longer than one write takes.
const lockPause = 10 * time.Millisecond

// waitForLock calls try until it no longer says that somebody else has the
// lock.
func waitForLock(ctx context.Context, try func() error) error {
	for {
		err := try()
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPause):
		}
	}
}
