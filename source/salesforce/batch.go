package salesforce

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/source"
)

// A batch is handed on when it has maxBatchRows rows or maxBatchBytes of values,
// whichever comes first (P7): wide rows make short batches.
const (
	maxBatchRows  = 8192
	maxBatchBytes = 2 << 20

	firstBatchRows = 1024 // of a part, whose width is not known yet
	minBatchRows   = 16
)

// batcher builds record batches row by row: set each column of a row, then
// endRow. The zero row is never emitted; flush emits what is left.
type batcher struct {
	object string
	schema *arrow.Schema
	cols   []column
	alloc  memory.Allocator
	emit   func(arrow.RecordBatch) error
	room   int   // rows that the batch being built can take
	rows   int   // in it
	size   int   // bytes of values in it
	total  int64 // emitted and being built
}

func newBatcher(object string, schema *arrow.Schema, alloc memory.Allocator, emit func(arrow.RecordBatch) error) *batcher {
	b := &batcher{object: object, schema: schema, alloc: alloc, emit: emit, room: firstBatchRows}
	for _, f := range schema.Fields() {
		described, _ := f.Metadata.GetValue(source.TypeKey)
		b.cols = append(b.cols, column{name: f.Name, typ: f.Type, kind: kindOf(f.Type), width: firstWidth, any: described == "anyType", key: `,"` + f.Name + `":`})
	}
	return b
}

// beginRow makes room for one more row.
func (b *batcher) beginRow() {
	if b.rows > 0 || b.cols[0].valid != nil {
		return
	}
	for i := range b.cols {
		b.cols[i].reset(b.alloc, b.room)
	}
}

// set stores a value of the row begun. Text has to be valid UTF-8.
func (b *batcher) set(col int, v []byte) error {
	b.size += len(v)
	c := &b.cols[col]
	if c.kind == kindText && !utf8.Valid(v) {
		return errEncoding
	}
	return c.set(b.rows, v)
}

// rewind takes back what the quick way has set of the row begun. It returns 0.
func (b *batcher) rewind() int {
	for i := range b.cols {
		b.cols[i].unset(b.rows)
	}
	return 0
}

// endRow counts the row whose columns were set and emits the batch when it is
// full.
func (b *batcher) endRow() error {
	b.rows++
	b.total++
	if b.rows < b.room && b.size < maxBatchBytes {
		return nil
	}
	// The next batch has room for as many rows of this width as make a full
	// one, and hardly more: memory that is set aside and not used counts too.
	b.room = min(maxBatchRows, max(minBatchRows, b.rows*(maxBatchBytes+maxBatchBytes/16)/max(b.size, 1)))
	return b.flush()
}

// flush emits the rows collected since the last batch, if any.
func (b *batcher) flush() error {
	if b.rows == 0 {
		return nil
	}
	arrays := make([]arrow.Array, len(b.cols))
	for i := range b.cols {
		arrays[i] = b.cols[i].array(b.rows)
	}
	rec := array.NewRecordBatch(b.schema, arrays, int64(b.rows))
	for _, a := range arrays {
		a.Release()
	}
	defer rec.Release()
	b.rows, b.size = 0, 0
	if err := b.emit(rec); err != nil {
		return &emitError{err}
	}
	return nil
}

// emitError is an error of whoever takes the batches, to be handed back as it
// is: it says nothing about the org.
type emitError struct{ err error }

func (e *emitError) Error() string { return e.err.Error() }
func (e *emitError) Unwrap() error { return e.err }

// release drops a batch that will not be emitted.
func (b *batcher) release() {
	for i := range b.cols {
		b.cols[i].release()
	}
}

// valueError names the object, the record and the field of a value that
// cannot be what describe says it is (P1: never a silent NULL).
func (b *batcher) valueError(col int, id, value []byte, err error) error {
	f := b.schema.Field(col)
	if !errors.Is(err, errValue) {
		return b.rowError(id, fmt.Errorf("field %s: %w", f.Name, err))
	}
	typ, _ := f.Metadata.GetValue(source.TypeKey)
	return b.rowError(id, fmt.Errorf("field %s holds %q, which is no %s", f.Name, excerpt(value), typ))
}

// rowError names the object and the record of a row that cannot be read.
func (b *batcher) rowError(id []byte, err error) error {
	return &source.Error{Op: b.object + " " + string(id), Err: err, Mend: "correct the record in Salesforce; nothing was written"}
}

// errEncoding refuses bytes that no text column can hold exactly.
var errEncoding = errors.New("the text is not valid UTF-8")

// excerpt shortens b for an error text.
func excerpt(b []byte) string {
	const most = 120
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}
