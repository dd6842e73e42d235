package salesforce

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"unicode/utf8"
)

// The quick way reads records of the one shape that orgs send: it looks at each
// byte once, eight at a time, and puts it straight into its place in the batch.
// It never judges. A record that it does not know it leaves to the careful way,
// csvRow or jsonRow, which reads it again from its start and either takes it or
// says what is wrong with it, and where (P1).

// quickMargin is how many bytes must be there from the start of a value on:
// the parsers of short values look at them without asking.
const quickMargin = 32

// quickCSV reads the record at the start of p into the row begun: all its
// fields in quotes, and of their types. It returns the bytes it took, 0 when it
// leaves the record to the careful way.
func (b *batcher) quickCSV(p []byte, order []int) int {
	i := 0
	for k, col := range order {
		if k > 0 {
			if i >= len(p) || p[i] != ',' {
				return b.rewind()
			}
			i++
		}
		if i+1+quickMargin > len(p) || p[i] != '"' {
			return b.rewind()
		}
		i++
		c := &b.cols[col]
		if p[i] == '"' && p[i+1] != '"' {
			c.setNull(b.rows)
			i++
			continue
		}
		n := c.quickField(b.rows, p[i:])
		if n == 0 || p[i+n] != '"' {
			return b.rewind()
		}
		i += n + 1
	}
	switch {
	case i < len(p) && p[i] == '\n':
		i++
	case i+1 < len(p) && p[i] == '\r' && p[i+1] == '\n':
		i += 2
	default:
		return b.rewind()
	}
	b.size += i
	return i
}

// quickField stores the value at the start of p, which ends at a quote, and
// returns its length in p; 0 when it cannot. It never returns len(p).
func (c *column) quickField(row int, p []byte) int {
	switch c.kind {
	case kindText:
		if !c.any {
			return c.quickQuoted(row, p)
		}
	case kindBool:
		if n := c.quickBool(row, p); n > 0 {
			return n
		}
	default:
		if n := c.quickShort(row, p); n > 0 {
			return n
		}
	}
	n := bytes.IndexByte(p, '"')
	if n < 0 || n+1 >= len(p) || p[n+1] == '"' || !utf8.Valid(p[:n]) || c.set(row, p[:n]) != nil {
		return 0
	}
	return n
}

// quickShort stores a number, date or time of the usual form.
func (c *column) quickShort(row int, p []byte) (n int) {
	var v int64
	var f float64
	switch c.kind {
	case kindInt:
		if v, n = quickInt(p); n > 0 {
			c.set64(row, uint64(v))
		}
	case kindFloat:
		if f, n = quickFloat(p); n > 0 {
			c.set64(row, math.Float64bits(f))
		}
	case kindDate:
		if v, n = quickDate(p); n > 0 {
			c.set32(row, uint32(v))
		}
	case kindStamp:
		if v, n = quickStamp(p); n > 0 {
			c.set64(row, uint64(v))
		}
	default: // has no usual form
	}
	return n
}

func (c *column) quickBool(row int, p []byte) int {
	if string(p[:4]) == "true" {
		c.fixed[row>>3] |= 1 << (row & 7)
		return 4
	}
	if string(p[:5]) == "false" {
		return 5
	}
	return 0
}

const (
	eachByte = 0x0101010101010101
	highBits = eachByte * 0x80
)

// zeroes marks, by its high bit, the lowest byte of w that is zero, if one is.
// Marks above that may be wrong.
func zeroes(w uint64) uint64 { return (w - eachByte) &^ w & highBits }

// quickQuoted stores the text at the start of p, in which quotes are doubled,
// up to the quote that ends it.
func (c *column) quickQuoted(row int, p []byte) int {
	out := c.used
	seen := uint64(0) // the bits that are set in any byte of the text
	for i := 0; i+8 <= len(p); {
		if out+8 > len(c.chars) {
			c.grow(out + 8)
		}
		w := binary.LittleEndian.Uint64(p[i:])
		binary.LittleEndian.PutUint64(c.chars[out:], w)
		quote := zeroes(w ^ eachByte*'"')
		if quote == 0 {
			seen |= w
			i += 8
			out += 8
			continue
		}
		n := bits.TrailingZeros64(quote) >> 3
		seen |= w & (1<<(8*n) - 1)
		i += n
		out += n
		if i+1 >= len(p) {
			return 0
		}
		if p[i+1] != '"' {
			return c.quickEnd(row, out, seen, i)
		}
		out++
		i += 2
	}
	return 0
}

// quickEnd makes the text up to out the value at row. It returns n, 0 when the
// text is not UTF-8.
func (c *column) quickEnd(row, out int, seen uint64, n int) int {
	if seen&highBits != 0 && !utf8.Valid(c.chars[c.used:out]) {
		return 0
	}
	c.used = out
	c.set32(row+1, uint32(out))
	return n
}

// quickJSON reads the record that s stands before into the row begun: its
// attributes, then the fields in the order of the query, without white space
// between. It says whether it did; if not, s stands where it stood.
func (b *batcher) quickJSON(s *jsonScanner) bool {
	const attributes = `{"attributes":`
	start := s.i
	if !bytes.HasPrefix(s.b[start:], []byte(attributes)) {
		return false
	}
	s.i += len(attributes)
	if _, err := s.skip(0); err == nil && b.quickMembers(s) {
		b.size += s.i - start
		return true
	}
	s.i = start
	b.rewind()
	return false
}

// quickMembers reads the fields of a record and its closing brace.
func (b *batcher) quickMembers(s *jsonScanner) bool {
	for i := range b.cols {
		c := &b.cols[i]
		p := s.b[s.i:]
		if len(p) < len(c.key)+quickMargin || string(p[:len(c.key)]) != c.key {
			return false
		}
		n := c.quickMember(b.rows, p[len(c.key):])
		s.i += len(c.key) + n
		if n == 0 && !c.member(b.rows, s) {
			return false
		}
	}
	if s.i >= len(s.b) || s.b[s.i] != '}' {
		return false
	}
	s.i++
	return true
}

// member stores the value that s stands before, of whatever form.
func (c *column) member(row int, s *jsonScanner) bool {
	v, err := s.value()
	return err == nil && (c.kind != kindText || utf8.Valid(v)) && c.set(row, v) == nil
}

// quickMember stores the value at the start of p and returns its length in p;
// 0 when it cannot.
func (c *column) quickMember(row int, p []byte) int {
	switch {
	case p[0] == 'n' && string(p[:4]) == "null":
		c.setNull(row)
		return 4
	case c.kind == kindBool:
		return c.quickBool(row, p)
	case c.kind == kindInt || c.kind == kindFloat:
		return c.quickShort(row, p)
	case p[0] != '"' || c.any:
		return 0
	case c.kind == kindText:
		return c.quickString(row, p)
	}
	n := c.quickShort(row, p[1:])
	if n == 0 || p[1+n] != '"' {
		return 0
	}
	return n + 2
}

// quickString stores the JSON string at the start of p and returns its length
// with its quotes. An empty one is null.
func (c *column) quickString(row int, p []byte) int {
	out := c.used
	seen := uint64(0) // the bits that are set in any byte of the text
	for i := 1; i+8 <= len(p); {
		if out+8 > len(c.chars) {
			c.grow(out + 8)
		}
		w := binary.LittleEndian.Uint64(p[i:])
		binary.LittleEndian.PutUint64(c.chars[out:], w)
		end := zeroes(w^eachByte*'"') | zeroes(w^eachByte*'\\')
		if end == 0 {
			seen |= w
			i += 8
			out += 8
			continue
		}
		n := bits.TrailingZeros64(end) >> 3
		seen |= w & (1<<(8*n) - 1)
		i += n
		out += n
		switch {
		case p[i] == '"' && out == c.used:
			c.setNull(row)
			return i + 1
		case p[i] == '"':
			return c.quickEnd(row, out, seen, i+1)
		}
		if out+utf8.UTFMax > len(c.chars) {
			c.grow(out + utf8.UTFMax)
		}
		s := jsonScanner{b: p, i: i + 1}
		text, err := s.escape(c.chars[:out])
		if err != nil {
			return 0
		}
		i = s.i
		out = len(text)
	}
	return 0
}
