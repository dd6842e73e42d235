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
	// Look finds a table as it is, to be read: which columns the fields are in by
	// the naming rule of loads, landed being as Spec.Columns. No table of the
	// name is an [*Error] whose Usage is true.
	Look(ctx context.Context, t TableName, fields []string, landed map[string]string) (Table, error)
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
	// Update changes rows that the table has, where a field of Schema differs
	// from what was loaded, and adds none. Fields that Schema lacks stay.
	Update Mode = "update"
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
	// Stamp is the field that tells when a row was loaded: one that differs in
	// nothing else is not written again. May be empty.
	Stamp string
	// Deleted is the boolean field that marks rows which the source has
	// deleted: a row in which it is true is not written, and the table loses
	// the row with its key. When empty, such rows are rows like others.
	Deleted string
	// State is where the state of the load is kept. The zero Key keeps none.
	State state.Key
	// Columns tells which column a field went to in earlier loads, where State
	// does not: its own state comes first. May be nil.
	Columns map[string]string
	// Convention names the columns of a new table; an existing one keeps the
	// convention it has. Empty is [SnakeCase].
	Convention Convention
	// MaxRemoved bounds the share of the table's rows, 0 to 1, that a load
	// with kept keys (StageKept) may remove because of them. Commit refuses
	// more with an [*Error] whose Guarded is true. A table of at most
	// [UnguardedRows] rows is not bounded.
	MaxRemoved float64
	// Run identifies this run in the names of what it stages.
	Run string
	// Observe is told of warnings, from any goroutine. It may be nil.
	Observe func(warning string)
}

// UnguardedRows is how many rows may go whatever share of the table they are.
const UnguardedRows = 20

// Found is what Begin found.
type Found struct {
	// Exists says whether the table is there.
	Exists bool
	// State is what the last load of Spec.State has left; the zero State when
	// there is none or the table is no longer there.
	State state.State
	// Added lists the fields of Schema for which Commit will add a column to
	// a table that exists, Widened those whose column it will give a wider
	// type. Both are in the order of Schema.
	Added, Widened []string
	// Columns are those that the fields of Schema go to, in its order, as they
	// are once the load is committed; empty where there is no table.
	Columns []Column
	// DDL are the statements that a Commit would change the database's schema
	// by, as far as the table goes: staging is not among them.
	DDL []string
	// Staged is what a load of the same table that was killed, or left by
	// Leave, has staged; the zero Staged when there is nothing to go on with.
	Staged Staged
}

// Column is where the values of a field go. Type is the database's own word.
type Column struct{ Field, Name, Type string }

// Staged is the part of a load that was staged by an earlier run and can be
// used again (P9). It is of the same fields, columns, types and mode.
type Staged struct {
	// Token is what the load was given by Prepare.
	Token string
	// Rows counts the rows of each closed stage, by the name of its part.
	Rows map[string]int64
	// Newest is the greatest Cursor of those rows, zero when there is none.
	Newest time.Time
}

// Load is one all-or-nothing write (P3). It ends with Commit, Abort or Leave.
type Load interface {
	// Found is what Begin found.
	Found() Found
	// Prepare is called once, before the first Stage. When token is that of
	// Found.Staged, the rows staged then are rows of this load; otherwise they
	// are dropped. From then on closed stages can be used again under token; an
	// empty one makes them useless to others. Nothing is written before the
	// first Stage or Commit.
	Prepare(token string)
	// Stage opens a writer for one part of the rows. Several may be open at
	// once; each is used by one goroutine. Once rows are staged, Stage may wait
	// until those that are open have ended. Part names the rows for a later run;
	// no two stages of a load with a token have the same.
	Stage(ctx context.Context, part string) (Stage, error)
	// StageGone opens a writer for the keys of rows that the table shall lose:
	// its batches have the columns of Spec.Key alone, in that order.
	StageGone(ctx context.Context) (Stage, error)
	// StageKept opens a writer for the keys of all rows that the source has,
	// batches as those of StageGone. When one was opened, a Merge or Append
	// also removes every row of the table whose key is in none of them.
	StageKept(ctx context.Context) (Stage, error)
	// Commit makes the rows of all closed stages and s visible in one
	// transaction (P3). A nil s leaves the state as it is. Commit fills in
	// s.Columns, also when Spec.State is zero and s is kept elsewhere. When
	// another load has changed the state since Begin, nothing is written and
	// the error is a [*Error] whose Busy is true.
	Commit(ctx context.Context, s *state.State) (Result, error)
	// Abort drops what was staged. After Commit or Leave it does nothing.
	Abort(ctx context.Context) error
	// Leave ends the load as a kill would, except that open stages are
	// dropped: what was closed under a token stays for a later run. Without a
	// token it is Abort. After Commit it does nothing.
	Leave(ctx context.Context) error
}

// Stage takes the rows of one part. It ends with Close or Abort; aborted rows
// never reach the table, so that the part can be read and staged again.
type Stage interface {
	// Write stages b's rows. It does not keep b after it returns.
	Write(ctx context.Context, b arrow.RecordBatch) error
	// Close makes the rows safe: they, and the name of their part, outlive a
	// kill of the process.
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
	// it already; by Update, that the table does not have it or has the same
	// values. Written and Superseded together are the rows staged, those of
	// Found.Staged included (P2).
	Superseded int64
	// Created is true when the table did not exist before.
	Created bool
	// SchemaChanges lists what the load changed about the table, one DDL-like
	// sentence each: "added column billing_city (text)".
	SchemaChanges []string
}
