package pipeline

import (
	"time"

	"sluice/destination"
)

// Report is what a Run did. After an error it holds what was known by then.
type Report struct {
	// Run identifies the run in logs and in the names of what it staged.
	Run string
	// Started and Ended are by this machine's clock.
	Started, Ended time.Time
	// Host is where the source is served; empty when the login failed.
	Host string
	// SourceTable is the source's own name, "Account"; what the user wrote
	// until the table is described.
	SourceTable string
	// DestTable is the table written, "public.account".
	DestTable string
	// API is the way the rows were read ("rest" or "bulk"), Reason why.
	API, Reason string
	// Asked is the strategy that the user or the table asked for, Strategy the
	// one used.
	Asked, Strategy string
	// RowsRead counts the rows received, each once, however often its part was
	// read again. RowsWritten and RowsDeleted are the destination's count; 0
	// unless it committed.
	RowsRead, RowsWritten, RowsDeleted int64
	// PartsReused and RowsReused count what an earlier run had staged and this
	// one did not have to read again.
	PartsReused int
	RowsReused  int64
	// Refreshed lists the fields that were read again in all rows, and
	// RowsRefreshed counts the rows that differed in them.
	Refreshed     []string
	RowsRefreshed int64
	// Retries counts the times that a part broke off and was read again.
	Retries int64
	// Bytes counts the body bytes received, decompressed; Calls the requests.
	Bytes, Calls int64
	// LimitUsed and LimitMax are the org's own daily count of requests; both 0
	// when it told none.
	LimitUsed, LimitMax int64
	// Created is true when the destination table did not exist.
	Created bool
	// SchemaChanges lists what the load changed about the destination table.
	SchemaChanges []string
	// CursorBefore and CursorAfter say from where and to where the table was
	// read; empty when it was read whole.
	CursorBefore, CursorAfter string
	// Fields are those read, with the source's own types, and Columns those of
	// the table that they go to.
	Fields  []Field
	Columns []destination.Column
	// Took is the time spent in each phase. Of Copy, Reading and Writing are
	// what all workers together waited for the source and for the destination.
	Took             map[Phase]time.Duration
	Reading, Writing time.Duration
	// Months counts the rows read by the month of MonthsOf, a field, as
	// "2026-03"; "" has those without one. Nil unless the Job asked for it.
	Months   map[string]int64
	MonthsOf string
	// Warnings lists what went otherwise than asked, in order of appearance.
	Warnings []string
}

// Field is a field of the source table. Type is the source's own word.
type Field struct{ Name, Type string }

// Total is the time spent in all phases.
func (r Report) Total() time.Duration {
	var sum time.Duration
	for _, d := range r.Took {
		sum += d
	}
	return sum
}
