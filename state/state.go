// Package state keeps how far each table got: what the next run has to know
// of the last one that committed.
package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Key names one mapping from a table of an org to a table of a destination. A
// sandbox has another org id than production, so that neither goes on where
// the other stopped.
type Key struct {
	// Org is the 15-character id of the org.
	Org string `json:"org"`
	// Source is the source's own name of the table: "Account".
	Source string `json:"source"`
	// Dest is the destination's table: "public.account".
	Dest string `json:"dest"`
}

func (k Key) String() string { return k.Org + "/" + k.Source + " -> " + k.Dest }

// State is what is known of a table after its last committed load.
type State struct {
	// Cursor is how far the table is complete: every row whose cursor field is
	// before it has been committed (P6). Zero means that nothing is known.
	Cursor time.Time `json:"cursor,omitzero"`
	// CursorKey is the field that Cursor speaks of: "SystemModstamp".
	CursorKey string `json:"cursor_key,omitempty"`
	// Covered is up to when the source's log of deletions has been read.
	Covered time.Time `json:"covered,omitzero"`
	// Strategy is how the last load wrote: "merge".
	Strategy string `json:"strategy,omitempty"`
	// Deleted is what the loads do with deleted rows: "remove".
	Deleted string `json:"deleted,omitempty"`
	// Columns maps fields of the source to columns of the table, so that a
	// field keeps its column for ever.
	Columns map[string]string `json:"columns,omitempty"`
	// Unfilled lists the fields whose columns were added to a table that had
	// rows: those that have not changed since are still NULL in them.
	Unfilled []string `json:"unfilled,omitempty"`
	// Where is the condition that the rows were read with, and Shape tells how
	// they were changed on their way; empty for neither.
	Where string `json:"where,omitempty"`
	Shape string `json:"shape,omitempty"`
	// Run is the run that committed, Committed when it did, by the clock of
	// the machine it ran on.
	Run       string    `json:"run,omitempty"`
	Committed time.Time `json:"committed,omitzero"`
}

// Equal says whether two states are the same.
func (s State) Equal(o State) bool {
	a, errA := Encode(s)
	b, errB := Encode(o)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Version is the format that Encode writes. Decode reads it and all before it.
// 2 added Unfilled, 3 Where and Shape.
const Version = 3

// envelope tells the format before anything else is read.
type envelope struct {
	Version int `json:"version"`
}

// Encode writes s as JSON with its format version.
func Encode(s State) ([]byte, error) {
	return json.Marshal(struct {
		envelope
		State
	}{envelope{Version}, s})
}

// NewerError is a state that a newer sluice has written.
type NewerError struct{ Got int }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the state has format %d, this sluice knows up to %d", e.Got, Version)
}

// Hint says how to mend it.
func (e *NewerError) Hint() string {
	return "update sluice, or start over with --full-refresh, which rewrites the state"
}

// Decode reads what Encode of this or an older version wrote. It returns a
// [*NewerError] for one of a newer version, whose meaning it cannot know.
func Decode(text []byte) (State, error) {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return State{}, fmt.Errorf("the state is not JSON: %w", err)
	}
	if e.Version > Version {
		return State{}, &NewerError{e.Version}
	}
	if e.Version < 1 {
		return State{}, fmt.Errorf("the state has no format version")
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return State{}, fmt.Errorf("read the state: %w", err)
	}
	s.Cursor, s.Covered, s.Committed = s.Cursor.UTC(), s.Covered.UTC(), s.Committed.UTC()
	// An empty list and no list are the same: Encode leaves both out.
	if len(s.Columns) == 0 {
		s.Columns = nil
	}
	if len(s.Unfilled) == 0 {
		s.Unfilled = nil
	}
	return s, nil
}

// Entry is one state with its key.
type Entry struct {
	Key
	State State
}

// Store keeps states. Its methods may be called concurrently.
type Store interface {
	// Get gives the state of k; the zero State when there is none.
	Get(ctx context.Context, k Key) (State, error)
	Put(ctx context.Context, k Key, s State) error
	// Delete forgets k; a key that is not there is no error.
	Delete(ctx context.Context, k Key) error
	// List gives all states, ordered by key.
	List(ctx context.Context) ([]Entry, error)
	// Exclusive runs do while nobody else can change a state. Do uses the store
	// that it is handed, not this one.
	Exclusive(ctx context.Context, do func(Store) error) error
}
