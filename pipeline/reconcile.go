package pipeline

import (
	"context"

	"sluice/destination"
	"sluice/source"
)

// reconciles says whether the keys of all rows are compared. A table that is
// replaced has no others anyway.
func (r *run) reconciles() bool { return r.job.Reconcile && r.plan.mode != destination.Replace }

// keysRequest asks for the keys of all rows that the source has now.
func (r *run) keysRequest() source.Request {
	return source.Request{Fields: r.spec.Key, Where: r.job.Where, Observe: r.observe}
}

// copyKeys stages the keys of all rows that the source has now, so that the
// destination can remove the others. It comes after the rows themselves: a row
// made meanwhile is neither here nor in the table, and one deleted meanwhile is
// right to go.
func (r *run) copyKeys(ctx context.Context, table source.Table, load destination.Load) error {
	scan, err := table.Scan(ctx, r.keysRequest())
	if err != nil {
		return err
	}
	defer func() { r.warnAbout(r.cleanUp(ctx, "end the job in the org", scan.Close)) }()
	// An org without rows has no parts, and its table loses all.
	none, err := load.StageKept(ctx)
	if err != nil {
		return err
	}
	if err := none.Close(ctx); err != nil {
		return err
	}
	err = r.copyParts(ctx, scan, intake{
		stage:  func(ctx context.Context, _ string) (destination.Stage, error) { return load.StageKept(ctx) },
		change: r.shape.ApplyKeys,
		took:   func(tally) {},
	})
	if err != nil {
		return err
	}
	return scan.Verify() // P2
}
