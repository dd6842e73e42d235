package pipeline

import (
	"context"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"sluice/destination"
	"sluice/source"
)

// noCursor is the greatest cursor of no rows.
const noCursor = math.MinInt64

// greatest is the greatest value of a timestamp column, in Unix microseconds,
// noCursor when the batch has no such column or only nulls in it.
func greatest(b arrow.RecordBatch, field string) int64 {
	at := b.Schema().FieldIndices(field)
	if field == "" || len(at) == 0 {
		return noCursor
	}
	stamps, ok := b.Column(at[0]).(*array.Timestamp)
	if !ok {
		return noCursor
	}
	most := int64(noCursor)
	for i, v := range stamps.TimestampValues() {
		if int64(v) > most && stamps.IsValid(i) {
			most = int64(v)
		}
	}
	return most
}

// reached takes in the greatest cursor of a part that was staged.
func (r *run) reached(cursor int64) {
	for {
		was := r.greatest.Load()
		if cursor <= was || r.greatest.CompareAndSwap(was, cursor) {
			return
		}
	}
}

// newest is the greatest cursor of all rows staged, zero when there is none.
func (r *run) newest() time.Time {
	if at := r.greatest.Load(); at != noCursor {
		return time.UnixMicro(at).UTC()
	}
	return time.Time{}
}

// copyGone stages the keys of the rows that the source has erased.
func (r *run) copyGone(ctx context.Context, scan source.Scan, load destination.Load) error {
	var stage destination.Stage
	err := scan.Gone(ctx, func(b arrow.RecordBatch) (err error) {
		if stage == nil {
			if stage, err = load.StageGone(ctx); err != nil {
				return err
			}
		}
		keys, err := r.shape.ApplyKeys(b)
		if err != nil {
			return err
		}
		defer keys.Release()
		return stage.Write(ctx, keys)
	})
	if stage == nil {
		return err
	}
	if err == nil {
		return stage.Close(ctx)
	}
	r.warnAbout(r.cleanUp(ctx, "drop what was staged", stage.Abort))
	return err
}
