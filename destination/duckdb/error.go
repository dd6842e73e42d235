package duckdb

import (
	"context"
	"errors"
	"strings"

	"sluice/destination"
)

// explain puts an error of DuckDB into a user's words. An error that has its
// own words keeps them, under op.
func explain(op string, err error) error {
	if known, ok := errors.AsType[*destination.Error](err); ok {
		if known.Op == "" {
			known.Op = op
		}
		return known
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &destination.Error{Op: op, Err: err}
	}
	text := firstLine(err)
	if diskFull(err.Error()) && !strings.Contains(text, noSpace) {
		text = noSpace + ": " + text
	}
	return &destination.Error{Op: op, Err: errors.New(text), Mend: mend(err.Error())}
}

// noSpace is what a full disk is called. DuckDB has other words for it where it
// would have had to spill.
const noSpace = "No space left on device"

// openError is explain for a file that did not open.
func openError(path string, err error) error {
	text := err.Error()
	e := &destination.Error{Op: "open " + path, Err: errors.New(firstLine(err))}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Err = err
	case strings.Contains(text, "not a valid DuckDB database file"):
		e.Err = errors.New("the file is not a DuckDB database")
		e.Mend = "name another file; a new one is created if there is none"
	case strings.Contains(text, "with version number"):
		e.Err = errors.New("the file was written by a DuckDB that is too new or too old for this program: " + firstLine(err))
		e.Mend = "write to another file, or export the database with its own DuckDB and import it with version 1.5"
	case strings.Contains(text, "Permission denied"):
		e.Err = errors.New("permission denied")
		e.Mend = "let this user read and write the file and its directory"
	case strings.Contains(text, "Read-only file system"):
		e.Err = errors.New("the file system is read-only")
	case strings.Contains(text, "Corrupt database"), strings.Contains(text, "Could not read enough bytes"):
		e.Mend = "the file is damaged: take it from a backup, or load into a new one"
	}
	return e
}

// mend tells what to do about an error of DuckDB.
func mend(text string) string {
	switch {
	case diskFull(text):
		return "free space beside the file: a load needs room for the new table while the old one is there"
	case strings.Contains(text, "Out of Memory"), strings.Contains(text, "could not allocate block"), strings.Contains(text, "failed to pin block"):
		return "give it more with --memory: a table needs about 1.25 MB a column"
	case strings.Contains(text, "foreign key constraint"):
		return "rows of other tables point at rows that are gone, or rows of this one at rows that are not there: load the other table, or drop the foreign key"
	case strings.Contains(text, "NOT NULL constraint failed: "+stagingPrefix):
		return "the field is part of the key, which every record must have: name other fields by --primary-key"
	case strings.Contains(text, "NOT NULL constraint"):
		return "allow NULL in the column: ALTER TABLE … ALTER COLUMN … DROP NOT NULL"
	case strings.Contains(text, "Duplicate key"), strings.Contains(text, "duplicate key"):
		return "drop the unique constraint or index that the rows violate"
	default:
		return ""
	}
}

func diskFull(text string) bool {
	return strings.Contains(text, noSpace) || strings.Contains(text, "max_temp_directory_size") || strings.Contains(text, "failed to offload data block")
}

// firstLine is what DuckDB says, without the SQL it quotes below.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimSpace(line)
}
