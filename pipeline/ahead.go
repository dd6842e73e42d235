package pipeline

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
)

// ahead writes the batches of a part while the next one is decoded. Its methods
// are for one goroutine.
type ahead struct {
	batches chan arrow.RecordBatch
	ended   chan struct{}
	err     error // of the first write that went wrong, once ended is closed
	// waited is how long put and end have waited for the writer.
	waited time.Duration
}

func writeAhead(ctx context.Context, stage destination.Stage) *ahead {
	a := &ahead{batches: make(chan arrow.RecordBatch), ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		for b := range a.batches {
			a.err = stage.Write(ctx, b)
			b.Release()
			if a.err != nil {
				return
			}
		}
	}()
	return a
}

// put hands over a batch, which is the writer's from then on, and waits until
// the one before is written. It gives the error of an earlier one.
func (a *ahead) put(b arrow.RecordBatch) error {
	from := time.Now()
	defer func() { a.waited += time.Since(from) }()
	select {
	case a.batches <- b:
		return nil
	case <-a.ended:
		b.Release()
		return a.err
	}
}

// end waits until all is written, or has gone wrong. Nobody writes any more
// then.
func (a *ahead) end() error {
	from := time.Now()
	defer func() { a.waited += time.Since(from) }()
	close(a.batches)
	<-a.ended
	return a.err
}
