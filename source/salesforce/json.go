package salesforce

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonScanner walks over a JSON text without building anything from it.
type jsonScanner struct {
	b       []byte
	i       int
	scratch []byte // holds the last string that had escapes
}

// maxJSONDepth bounds the nesting that skip follows.
const maxJSONDepth = 100

var errJSON = errors.New("the answer is not JSON")

// peek gives the next byte that is no white space, 0 at the end.
func (s *jsonScanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take passes over c, or says that something else is there.
func (s *jsonScanner) take(c byte) error {
	if s.peek() != c || s.i >= len(s.b) {
		return fmt.Errorf("%w: %q expected at byte %d", errJSON, c, s.i)
	}
	s.i++
	return nil
}

// more passes over a comma, or over the closing bracket end, and says whether
// a further element follows.
func (s *jsonScanner) more(end byte) (bool, error) {
	switch s.peek() {
	case ',':
		s.i++
		return true, nil
	case end:
		s.i++
		return false, nil
	}
	return false, fmt.Errorf("%w: ',' or %q expected at byte %d", errJSON, end, s.i)
}

// empty passes over end if it comes next.
func (s *jsonScanner) empty(end byte) bool {
	if s.peek() == end {
		s.i++
		return true
	}
	return false
}

// str reads a string. The result is a view of the text, or of scratch when the
// string had escapes, valid until the next str.
func (s *jsonScanner) str() ([]byte, error) {
	if err := s.take('"'); err != nil {
		return nil, err
	}
	n := bytes.IndexByte(s.b[s.i:], '"')
	if n < 0 {
		return nil, fmt.Errorf("%w: a string is not closed", errJSON)
	}
	raw := s.b[s.i : s.i+n]
	if bytes.IndexByte(raw, '\\') < 0 {
		s.i += n + 1
		return raw, nil
	}
	return s.unescape()
}

// unescape reads a string with escapes up to its closing quote.
func (s *jsonScanner) unescape() ([]byte, error) {
	out := s.scratch[:0]
	defer func() { s.scratch = out }()
	for s.i < len(s.b) {
		n := bytes.IndexAny(s.b[s.i:], `"\`)
		if n < 0 {
			break
		}
		out = append(out, s.b[s.i:s.i+n]...)
		s.i += n + 1
		if s.b[s.i-1] == '"' {
			return out, nil
		}
		var err error
		if out, err = s.escape(out); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: a string is not closed", errJSON)
}

var jsonEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads what follows a backslash and appends what it stands for. Half a
// surrogate pair stands for nothing that UTF-8 can hold: it is an error, not
// a replacement character (P1).
func (s *jsonScanner) escape(out []byte) ([]byte, error) {
	if s.i >= len(s.b) {
		return out, fmt.Errorf("%w: a string is not closed", errJSON)
	}
	c := s.b[s.i]
	s.i++
	if c != 'u' {
		if jsonEscapes[c] == 0 {
			return out, fmt.Errorf("%w: unknown escape \\%c", errJSON, c)
		}
		return append(out, jsonEscapes[c]), nil
	}
	r, ok := s.hex4()
	if ok && utf16.IsSurrogate(r) {
		if !bytes.HasPrefix(s.b[s.i:], []byte(`\u`)) {
			return out, errEncoding
		}
		s.i += 2
		var low rune
		low, ok = s.hex4()
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return out, errEncoding
		}
	}
	if !ok {
		return out, fmt.Errorf("%w: \\u without four hex digits", errJSON)
	}
	return utf8.AppendRune(out, r), nil
}

func (s *jsonScanner) hex4() (rune, bool) {
	if s.i+4 > len(s.b) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 16)
	s.i += 4
	return rune(n), err == nil
}

// skip passes over one value of any kind and gives its text.
func (s *jsonScanner) skip(depth int) ([]byte, error) {
	c := s.peek()
	start := s.i
	var err error
	switch {
	case depth > maxJSONDepth:
		err = fmt.Errorf("%w: nested more than %d deep", errJSON, maxJSONDepth)
	case c == '"':
		_, err = s.str()
	case c == '{':
		err = s.skipMembers('}', depth)
	case c == '[':
		err = s.skipMembers(']', depth)
	default:
		err = s.literal()
	}
	return s.b[start:s.i], err
}

// skipMembers passes over an object or an array.
func (s *jsonScanner) skipMembers(end byte, depth int) error {
	s.i++
	if s.empty(end) {
		return nil
	}
	for more := true; more; {
		if end == '}' {
			if _, err := s.str(); err != nil {
				return err
			}
			if err := s.take(':'); err != nil {
				return err
			}
		}
		if _, err := s.skip(depth + 1); err != nil {
			return err
		}
		var err error
		if more, err = s.more(end); err != nil {
			return err
		}
	}
	return nil
}

// literal passes over a number, true, false or null. Whether the characters of
// a number make one is left to the column that takes it.
func (s *jsonScanner) literal() error {
	start := s.i
	for s.i < len(s.b) && literalByte[s.b[s.i]] {
		s.i++
	}
	switch word := s.b[start:s.i]; {
	case len(word) == 0:
	case word[0] == '-' || isDigit(word[0]):
		return nil
	case string(word) == "true" || string(word) == "false" || string(word) == "null":
		return nil
	}
	return fmt.Errorf("%w: %q at byte %d", errJSON, excerpt(s.b[start:min(s.i+1, len(s.b))]), start)
}

// literalByte marks the bytes of numbers and of the three words.
var literalByte = func() (set [256]bool) {
	for _, c := range "0123456789+-.eEtrufalsn" {
		set[c] = true
	}
	return set
}()

// value reads a value as the bytes that a column is set from: the characters
// of a string, the text of a number, a boolean, an object or an array, and
// nothing for null.
func (s *jsonScanner) value() ([]byte, error) {
	switch s.peek() {
	case '"':
		return s.str()
	case 'n':
		_, err := s.skip(0)
		return nil, err
	}
	return s.skip(0)
}

// queryPage is an answer of /query: its head read, its records not yet.
type queryPage struct {
	Total   int64  // rows of the whole query, on every page the same
	Done    bool   // no page follows
	Next    string // path of the next page
	on      *cursor
	records jsonScanner
}

// parsePage reads the head of a query answer. The records stand last in what
// orgs send; other orders are read too, at the price of a second look.
func parsePage(body []byte) (queryPage, error) {
	p := queryPage{Total: -1}
	s := jsonScanner{b: body}
	if err := s.take('{'); err != nil {
		return p, err
	}
	for more := !s.empty('}'); more; {
		key, err := s.str()
		if err != nil {
			return p, err
		}
		name := string(key)
		if err = s.take(':'); err != nil {
			return p, err
		}
		if name == "records" {
			s.peek()
			p.records = jsonScanner{b: body, i: s.i}
			if p.Total >= 0 && (p.Done || p.Next != "") {
				return p, nil
			}
		}
		raw, err := s.skip(0)
		if err == nil {
			err = p.head(name, raw)
		}
		if err != nil {
			return p, err
		}
		if more, err = s.more('}'); err != nil {
			return p, err
		}
	}
	if p.Total < 0 || p.records.b == nil || !p.Done && p.Next == "" {
		return p, fmt.Errorf("%w of a query: %s", errJSON, excerpt(body))
	}
	return p, nil
}

// head reads one of the fields before the records.
func (p *queryPage) head(name string, raw []byte) error {
	switch name {
	case "totalSize":
		return json.Unmarshal(raw, &p.Total)
	case "done":
		return json.Unmarshal(raw, &p.Done)
	case "nextRecordsUrl":
		return json.Unmarshal(raw, &p.Next)
	}
	return nil
}

// decodeJSON reads the records of a page into b and returns how many they
// were.
func decodeJSON(p queryPage, b *batcher) (int64, error) {
	s := p.records
	if err := s.take('['); err != nil {
		return 0, err
	}
	start := b.total
	seen := make([]bool, len(b.cols))
	for more := !s.empty(']'); more; {
		b.beginRow()
		if from := s.i; !b.quickJSON(&s) {
			if err := b.jsonRow(&s, seen); err != nil {
				return b.total - start, b.jsonError(s.b[from:], err)
			}
		}
		if err := b.endRow(); err != nil {
			return b.total - start, err
		}
		var err error
		if more, err = s.more(']'); err != nil {
			return b.total - start, err
		}
	}
	return b.total - start, nil
}

// badValueError is a value that its column refused.
type badValueError struct {
	col   int
	value []byte
	err   error
}

func (e *badValueError) Error() string { return e.err.Error() }

// jsonRow reads one record: its fields in the order of the query, as orgs send
// them, or in any other.
func (b *batcher) jsonRow(s *jsonScanner, seen []bool) error {
	if err := s.take('{'); err != nil {
		return err
	}
	clear(seen)
	next := 0
	for more := !s.empty('}'); more; {
		key, err := s.str()
		if err != nil {
			return err
		}
		col := b.find(key, next)
		if err = s.take(':'); err != nil {
			return err
		}
		switch {
		case col < 0:
			_, err = s.skip(0)
		case seen[col]:
			err = fmt.Errorf("the record has field %s twice", b.cols[col].name)
		default:
			seen[col] = true
			next = col + 1
			err = b.jsonValue(s, col)
		}
		if err != nil {
			return err
		}
		if more, err = s.more('}'); err != nil {
			return err
		}
	}
	for col, ok := range seen {
		if !ok {
			return fmt.Errorf("the record lacks field %s, which was asked for", b.cols[col].name)
		}
	}
	return nil
}

// find gives the column called key, most likely the one at next; -1 when none
// is, as for "attributes".
func (b *batcher) find(key []byte, next int) int {
	if next < len(b.cols) && b.cols[next].name == string(key) {
		return next
	}
	if string(key) == "attributes" {
		return -1
	}
	for i := range b.cols {
		if strings.EqualFold(b.cols[i].name, string(key)) {
			return i
		}
	}
	return -1
}

// jsonValue reads a value into a column.
func (b *batcher) jsonValue(s *jsonScanner, col int) error {
	v, err := s.value()
	if err == nil {
		err = b.set(col, v)
	}
	if errors.Is(err, errJSON) || err == nil {
		return err
	}
	return &badValueError{col, v, err}
}

// jsonError names the record at the start of b in which err happened.
func (b *batcher) jsonError(record []byte, err error) error {
	bad := &badValueError{}
	if !errors.As(err, &bad) {
		return err
	}
	return b.valueError(bad.col, jsonID(record), bad.value, bad.err)
}

// jsonID looks for the Id of a record, for an error text; nil when it has none.
func jsonID(record []byte) []byte {
	s := jsonScanner{b: record}
	if s.take('{') != nil {
		return nil
	}
	for more := !s.empty('}'); more; {
		key, err := s.str()
		if err != nil || s.take(':') != nil {
			return nil
		}
		if strings.EqualFold(string(key), "Id") {
			id, _ := s.value()
			return bytes.Clone(id)
		}
		if _, err = s.skip(0); err != nil {
			return nil
		}
		if more, err = s.more('}'); err != nil {
			return nil
		}
	}
	return nil
}
