// Package destination says what a database that tables are written to must
// do. Arrow schemas and record batches are the only words it shares with
// sources.
package destination

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// Destination is one database. Its methods may be called concurrently.
type Destination interface {
	// Begin plans a load: it looks at the table as it is now and refuses what
	// cannot be carried out, before anything is written. A file database is
	// closed again when Begin returns, and opened when the first Stage is.
	Begin(ctx context.Context, s Spec) (Load, error)
	Close() error
}

// Mode is what a Load does with the rows that the table already has.
type Mode string

// The modes of a Load.
const (
	// Replace leaves the table with the loaded rows alone.
	Replace Mode = "replace"
	// Append adds the loaded rows.
	Append Mode = "append"
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
	// Commit makes the rows of all closed stages visible in one transaction.
	Commit(ctx context.Context) (Result, error)
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
	// Created is true when the table did not exist before.
	Created bool
	// SchemaChanges lists what the load changed about the table, one DDL-like
	// sentence each: "added column billing_city (text)".
	SchemaChanges []string
}
