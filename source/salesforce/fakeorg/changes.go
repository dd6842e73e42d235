package fakeorg

import (
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// held is a row that an open transaction has written and not committed.
type held struct {
	begun time.Time
	cells map[string]value
}

func itoa(n int) string { return strconv.Itoa(n) }

func decodedQuery(r *http.Request) string {
	s, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil {
		return r.URL.RawQuery
	}
	return s
}

// sortedEdits goes through the edits by row.
func (v *view) sortedEdits() iter.Seq2[uint32, *edit] {
	return func(yield func(uint32, *edit) bool) {
		for _, row := range slices.Sorted(maps.Keys(v.edits)) {
			if !yield(row, v.edits[row]) {
				return
			}
		}
	}
}

func (o *Org) renderPage(out io.Writer, j *job, start, end int) {
	_ = render(out, j, start, end)
}
