package pipeline

import (
	"context"
	"time"

	"sluice/destination"
	"sluice/source"
)

// losesRows says whether the table is known to hold the rows of the job's
// condition, and whether rows of the table may have changed so that the job's
// condition no longer holds for them: a query with the condition does not show
// those.
func (r *run) losesRows(request source.Request) bool {
	known := !r.plan.before.Cursor.IsZero() && r.plan.before.Where == request.Where
	return known && request.Where != "" && !request.From.IsZero() && !r.reconciles() &&
		r.plan.mode == destination.Merge && r.job.Deleted == RemoveDeleted
}

// lostRequest asks for the keys of all rows that changed in the window of
// request before a moment, whatever the condition.
func (r *run) lostRequest(request source.Request, before time.Time) source.Request {
	request.Where, request.Fields, request.Track, request.Resume = "", r.spec.Key, false, source.Resume{}
	request.WithDeleted, request.GoneSince = false, time.Time{}
	if request.To.IsZero() || !before.IsZero() && before.Before(request.To) {
		request.To = before
	}
	return request
}

// copyLost stages the keys of all rows that changed in the window, whatever the
// condition: those that were not staged as rows leave the table (P5). What
// changed after the scan began may have been staged or not; the next run sees it.
func (r *run) copyLost(ctx context.Context, table source.Table, load destination.Load, request source.Request, before time.Time) error {
	if before.IsZero() {
		r.warn("the org does not tell its time: rows for which the condition no longer holds stay until --reconcile")
		return nil
	}
	scan, err := table.Scan(ctx, r.lostRequest(request, before))
	if err != nil {
		return err
	}
	defer func() { r.warnAbout(r.cleanUp(ctx, "end the job in the org", scan.Close)) }()
	err = r.copyParts(ctx, scan, intake{
		stage:  func(ctx context.Context, _ string) (destination.Stage, error) { return load.StageGone(ctx) },
		change: r.shape.ApplyKeys,
		took:   func(tally) {},
	})
	if err != nil {
		return err
	}
	return scan.Verify() // P2
}
