package pipeline

import (
	"context"

	"sluice/source"
)

// readAhead is how many jobs fetch their first page while they wait for their
// turn: the org takes half a second to begin with one, in which the tables of
// ten such pages are written. More would keep more of its requests under way that
// nobody reads from.
const readAhead = 10

// Turns has jobs stage and commit one after the other: into a database whose
// memory is that of one load.
type Turns struct{ line, desk chan struct{} }

// NewTurns gives Turns that all jobs of a destination share.
func NewTurns() *Turns {
	return &Turns{line: make(chan struct{}, readAhead), desk: make(chan struct{}, 1)}
}

// hasTurn says whether the job may stage rows.
func (r *run) hasTurn() bool { return r.job.Turns == nil || r.holds == r.job.Turns.desk }

// lineUp waits until the job may fetch its first page. Where no other job is in
// the way it has its turn.
func (r *run) lineUp(ctx context.Context) error {
	if r.hasTurn() {
		return nil
	}
	select {
	case r.job.Turns.desk <- struct{}{}:
		r.holds = r.job.Turns.desk
		return nil
	default:
		return r.place(ctx, r.job.Turns.line)
	}
}

// takeTurn waits until no other job stages rows, and lets another line up.
func (r *run) takeTurn(ctx context.Context) error {
	if r.hasTurn() {
		return nil
	}
	before := r.holds
	if err := r.place(ctx, r.job.Turns.desk); err != nil {
		return err
	}
	if before != nil {
		<-before
	}
	return nil
}

// place takes a place in c, which the run then holds.
func (r *run) place(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}:
		r.holds = c
		return nil
	default:
		r.observe(source.Event{Phase: "waiting for its turn"})
	}
	select {
	case c <- struct{}{}:
		r.holds = c
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// giveTurn gives back what the run holds of its Turns.
func (r *run) giveTurn() {
	if r.holds != nil {
		<-r.holds
		r.holds = nil
	}
}
