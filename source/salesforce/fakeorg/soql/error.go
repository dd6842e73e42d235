package soql

import (
	"fmt"
	"strings"
)

// Error is a refusal of a query in Salesforce's words.
type Error struct {
	// Code is MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE and so on.
	Code string
	// Message shows the place in the query with a caret, as Salesforce does.
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// shown is how much of a query an error shows on either side of its place.
const shown = 32

// At makes an error that points at a byte of the query: a blank line, the part
// of the query around it, a caret, and the place counted from 1.
func At(query string, pos int, code, text string) *Error {
	pos = min(max(pos, 0), len(query))
	line := 1 + strings.Count(query[:pos], "\n")
	start := strings.LastIndexByte(query[:pos], '\n') + 1
	end := len(query)
	if n := strings.IndexByte(query[pos:], '\n'); n >= 0 {
		end = pos + n
	}
	from, to := max(start, pos-shown), min(end, pos+shown)
	return &Error{code, fmt.Sprintf("\n%s\n%s^\nERROR at Row:%d:Column:%d\n%s",
		query[from:to], strings.Repeat(" ", pos-from), line, pos-start+1, text)}
}
