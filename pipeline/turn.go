package pipeline

import (
	"context"

	"sluice/source"
)

// takeTurn waits until no other job stages rows. The org works on meanwhile.
func (r *run) takeTurn(ctx context.Context) error {
	if r.job.Turn == nil {
		return nil
	}
	select {
	case r.job.Turn <- struct{}{}:
		r.hasTurn = true
		return nil
	default:
		r.observe(source.Event{Phase: "waiting for its turn"})
	}
	select {
	case r.job.Turn <- struct{}{}:
		r.hasTurn = true
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *run) giveTurn() {
	if r.hasTurn {
		<-r.job.Turn
		r.hasTurn = false
	}
}
