package soql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a refusal of a query in Salesforce's words.
type Error struct {
	// Code is MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE and so on.
	Code string
	// Message shows the place in the query with a caret, as Salesforce does.
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// shown is how many bytes of a query an error shows on either side of its
// place: on the left the whole words in them, on the right the word at their
// end too. Measured on messages that users published.
const shown = 32

// At makes an error that points at a byte of the query: a blank line, the part
// of the query around it, a caret, and the place counted from 1.
func At(query string, pos int, code, text string) *Error {
	pos = min(max(pos, 0), len(query))
	row, column := place(query, pos)
	line, _, _ := strings.Cut(query[pos-column+1:], "\n")
	from, to := excerpt(line, column-1)
	return &Error{code, fmt.Sprintf("\n%s\n%s^\nERROR at Row:%d:Column:%d\n%s",
		line[from:to], strings.Repeat(" ", column-1-from), row, column, text)}
}

// lexical is At for what is not even a token: the message says the place again.
func lexical(query string, pos int, text string) *Error {
	row, column := place(query, pos)
	return At(query, pos, "MALFORMED_QUERY", fmt.Sprintf("line %d:%d %s", row, column, text))
}

// noViable refuses the character at pos.
func noViable(query string, pos int) *Error {
	char := "<EOF>"
	if r, size := utf8.DecodeRuneInString(query[pos:]); size > 0 {
		char = string(r)
	}
	return lexical(query, pos, "no viable alternative at character '"+char+"'")
}

// place gives row and column of a byte, counted from 1.
func place(query string, pos int) (row, column int) {
	before := query[:pos]
	return 1 + strings.Count(before, "\n"), pos - strings.LastIndexByte(before, '\n')
}

// excerpt bounds the part of a line that is shown for a place in it.
func excerpt(line string, pos int) (from, to int) {
	from = max(pos-shown, 0)
	for from > 0 && from < pos && (!gap(line[from-1]) || gap(line[from])) {
		from++
	}
	to = min(pos+shown, len(line))
	for to < len(line) && !gap(line[to]) {
		to++
	}
	return from, to
}

// gap is what stands between words.
func gap(c byte) bool { return c == ' ' || c == '\t' || c == ',' }
