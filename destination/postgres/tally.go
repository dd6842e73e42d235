package postgres

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"sluice/destination"
)

// tally is what a stage learns about its rows while they pass by. A commit that
// has the tallies of all rows need not read them again.
type tally struct {
	rows int64
	dead int64 // rows that are marked deleted
	// ordered says that each key was greater than the one before, as Salesforce
	// gives them: first and last are the outermost then, and none is there twice.
	ordered     bool
	first, last string
}

// tallying counts the rows of a stage. The fields are indices of columns; -1
// for none.
type tallying struct {
	tally
	key, deleted int
}

func newTallying(spec *destination.Spec, s *arrow.Schema) *tallying {
	t := &tallying{key: -1, deleted: -1}
	if len(spec.Key) == 1 {
		t.key = s.FieldIndices(spec.Key[0])[0]
		t.ordered = arrow.TypeEqual(s.Field(t.key).Type, arrow.BinaryTypes.String)
	}
	if i := s.FieldIndices(spec.Deleted); len(i) > 0 {
		t.deleted = i[0]
	}
	return t
}

// add counts the rows of a batch.
func (t *tallying) add(b arrow.RecordBatch) {
	if t.deleted >= 0 {
		marks := b.Column(t.deleted).(*array.Boolean)
		for row := range marks.Len() {
			if marks.IsValid(row) && marks.Value(row) {
				t.dead++
			}
		}
	}
	if t.ordered && b.NumRows() > 0 {
		t.follow(b.Column(t.key).(*array.String))
	}
	t.rows += b.NumRows()
}

// follow compares keys by their bytes, which are never the same for two that
// PostgreSQL takes for different.
func (t *tallying) follow(keys *array.String) {
	before := t.last
	for row := range keys.Len() {
		key := keys.Value(row)
		if t.ordered = keys.IsValid(row) && (key > before || t.rows == 0 && row == 0); !t.ordered {
			return
		}
		before = key
	}
	if t.rows == 0 {
		t.first = strings.Clone(keys.Value(0))
	}
	t.last = strings.Clone(before)
}

// distinct says whether no key is there twice, as far as the order tells.
func distinct(tallies []tally) bool {
	tallies = slices.DeleteFunc(slices.Clone(tallies), func(t tally) bool { return t.rows == 0 })
	slices.SortFunc(tallies, func(a, b tally) int { return strings.Compare(a.first, b.first) })
	for i, t := range tallies {
		if !t.ordered || i > 0 && t.first <= tallies[i-1].last {
			return false
		}
	}
	return true
}
