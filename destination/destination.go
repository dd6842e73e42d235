// Package destination says what a database that tables are written to must
// do. Arrow schemas and record batches are the only words it shares with
// sources.
package destination

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/state"
)

// Destination is one database. Its methods may be called concurrently.
type Destination interface {
	// Begin plans a load: it looks at the table as it is now and refuses what
	// cannot be carried out, before anything is written. A file database is
	// closed again when Begin returns, and opened when the first Stage is.
	Begin(ctx context.Context, s Spec) (Load, error)
	// States are the states kept in this destination, for people to look at
	// and to mend. Loads read and write theirs by themselves.
	States() state.Store
	Close() error
}

// Mode is what a Load does with the rows that the table already has.
type Mode string

// The modes of a Load.
const (
	// Replace leaves the table with the loaded rows alone.
	Replace Mode = "replace"
	// Append adds the loaded rows, except those that the table has already: of
	// the same key and the same cursor.
	Append Mode = "append"
	// Merge puts the loaded rows in the place of those with the same key, adds
	// the others, and removes the rows that the source no longer has.
	Merge Mode = "merge"
	// DeleteInsert removes the rows whose cursor is in the window of the load
	// and adds the loaded rows.
	DeleteInsert Mode = "delete+insert"
)

// Spec describes one load.
type Spec struct {
	Table TableName
	// Source is what the upstream system calls the table, for error texts.
	Source string
	// Schema is what every written batch has. Field names are the upstream
	// system's; the destination gives them column names by its naming rule.
	Schema *arrow.Schema
	// Key lists the fields of Schema that identify a row; may be empty.
	Key  []string
	Mode Mode
	// Cursor is the field that tells which of two rows of one key is the newer
	// one; may be empty, except for DeleteInsert.
	Cursor string
	// From and To bound the window of DeleteInsert: Cursor >= From, Cursor <
	// To. A zero time is no bound.
	From, To time.Time
	// Deleted is the boolean field that marks rows which the source has
	// deleted: a row in which it is true is not written, and the table loses
	// the row with its key. When empty, such rows are rows like others.
	Deleted string
	// State is where the state of the load is kept. The zero Key keeps none.
	State state.Key
	// Run identifies this run in the names of what it stages.
	Run string
	// Observe is told of warnings, from any goroutine. It may be nil.
	Observe func(warning string)
}

// Load is one all-or-nothing write (P3). It ends with Commit or Abort.
type Load interface {
	// Stage opens a writer for one part of the rows. Several may be open at
	// once; each is used by one goroutine.
	Stage(ctx context.Context) (Stage, error)
	// StageGone opens a writer for the keys of rows that the table shall lose:
	// its batches have the columns of Spec.Key alone, in that order.
	StageGone(ctx context.Context) (Stage, error)
	// State is what the last load of Spec.State has left, as Begin found it;
	// the zero State when there is none or the table is no longer there.
	State() state.State
	// Commit makes the rows of all closed stages and s visible in one
	// transaction (P3). A nil s leaves the state as it is. Commit fills in
	// s.Columns. When another load has changed the state since Begin, nothing
	// is written and the error is a [*Error] whose Busy is true.
	Commit(ctx context.Context, s *state.State) (Result, error)
	// Abort drops what was staged. After Commit it does nothing.
	Abort(ctx context.Context) error
}

// Stage takes the rows of one part. It ends with Close or Abort; aborted rows
// never reach the table, so that the part can be read and staged again.
type Stage interface {
	// Write stages b's rows. It does not keep b after it returns.
	Write(ctx context.Context, b arrow.RecordBatch) error
	Close(ctx context.Context) error
	Abort(ctx context.Context) error
}

// Result is what a committed load did.
type Result struct {
	// Written counts the rows inserted or updated, Deleted those removed
	// because the source no longer has them. Rows that a replace swapped for
	// their like are not deleted.
	Written, Deleted int64
	// Superseded counts the staged rows that were not written: a newer row of
	// the same key was staged too, the row is a deleted one, or the table has
	// it already. Written and Superseded together are the rows staged (P2).
	Superseded int64
	// Created is true when the table did not exist before.
	Created bool
	// SchemaChanges lists what the load changed about the table, one DDL-like
	// sentence each: "added column billing_city (text)".
	SchemaChanges []string
}
