package duckdb

import (
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
)

// feed is the record reader behind a registered view. Each scan of the view
// takes the one batch that was put in, so that one prepared INSERT … SELECT
// writes batch after batch: DuckDB's C API reads the same stream again on
// every scan, and releases it only with the view.
//
// DuckDB calls it from threads of its own, hence the lock.
type feed struct {
	schema *arrow.Schema

	mu            sync.Mutex
	next, current arrow.RecordBatch
}

func (f *feed) put(b arrow.RecordBatch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next, f.current = b, nil
}

func (f *feed) Next() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current, f.next = f.next, nil
	return f.current != nil
}

func (f *feed) RecordBatch() arrow.RecordBatch {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

// Record is what array.RecordReader called RecordBatch before.
func (f *feed) Record() arrow.RecordBatch { return f.RecordBatch() }

func (f *feed) Schema() *arrow.Schema { return f.schema }
func (f *feed) Err() error            { return nil }
func (f *feed) Retain()               {}
func (f *feed) Release()              {}
