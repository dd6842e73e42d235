package salesforce

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice/source"
)

// csvReader splits a Bulk API CSV stream into records. Unlike encoding/csv it
// leaves every byte of a quoted field as it is, CRLF included (P1), and hands
// out fields as views into its buffer. A record is in the buffer as a whole.
//
// The dialect is RFC 4180: commas, fields in double quotes with inner quotes
// doubled, records ended by LF or CRLF; unquoted fields are read too.
type csvReader struct {
	r      io.Reader
	buf    []byte
	pos    int // start of the record being read
	end    int // end of the bytes in buf
	eof    bool
	whole  bool // the end of r is that of the result: no download that broke off looks like it
	fields []csvField
}

// csvField is one field of a record: a view of the buffer, valid until the
// next record.
type csvField struct {
	raw     []byte // between the quotes
	escaped bool   // raw holds doubled quotes
}

const (
	csvBuffer    = 256 << 10
	maxCSVRecord = 512 << 20 // a bound for a hostile stream, far above any record
)

// errCut means that the stream ended inside a record.
var errCut = &source.Error{Err: errors.New("the download ended in the middle of a record"), Again: true}

// errShort means that the buffer ends inside a record.
var errShort = errors.New("record not complete")

func newCSVReader(r io.Reader, whole bool) *csvReader {
	return &csvReader{r: r, whole: whole, buf: make([]byte, csvBuffer)}
}

// next reads one record; io.EOF after the last. Empty lines are passed over.
func (c *csvReader) next() ([]csvField, error) {
	for {
		size, err := c.split(c.buf[c.pos:c.end])
		switch {
		case err == nil:
			c.pos += size
			if len(c.fields) > 0 {
				return c.fields, nil
			}
		case !errors.Is(err, errShort):
			return nil, err
		case c.eof && c.pos == c.end:
			return nil, io.EOF
		case c.eof:
			return nil, errCut
		default:
			if err := c.fill(); err != nil {
				return nil, err
			}
		}
	}
}

// fill reads on behind the start of a record that was not complete, until
// twice as many bytes are there: a long record is split again few times.
func (c *csvReader) fill() error {
	copy(c.buf, c.buf[c.pos:c.end])
	c.end -= c.pos
	c.pos = 0
	if c.end == len(c.buf) {
		if len(c.buf) >= maxCSVRecord {
			return fmt.Errorf("a record is longer than %d MB", maxCSVRecord>>20)
		}
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	for want := min(2*c.end, len(c.buf)); ; {
		n, err := c.r.Read(c.buf[c.end:])
		c.end += n
		if errors.Is(err, io.EOF) {
			c.eof = true
			return nil
		}
		if err != nil {
			return err
		}
		if c.end > 0 && c.end >= want {
			return nil
		}
	}
}

// split finds the fields of the first record in b and the bytes it takes with
// its line end; an empty line has no fields. The error is errShort when b does
// not hold the whole record.
func (c *csvReader) split(b []byte) (size int, err error) {
	c.fields = c.fields[:0]
	for i := 0; ; i++ {
		quoted := i < len(b) && b[i] == '"'
		var f csvField
		if quoted {
			f, err = quotedField(b[i+1:])
			i += len(f.raw) + 2
		} else {
			f, err = plainField(b[i:], c.eof && c.whole)
			i += len(f.raw)
		}
		if err != nil {
			return 0, err
		}
		size, more, err := c.fieldEnd(b, i)
		if err != nil {
			return 0, err
		}
		if len(c.fields) > 0 || quoted || more || len(f.raw) > 0 {
			c.fields = append(c.fields, f)
		}
		if !more {
			return size, nil
		}
	}
}

// fieldEnd looks at what follows a field at b[i:]: a comma (more), or the end
// of the record, whose size is then known.
func (c *csvReader) fieldEnd(b []byte, i int) (size int, more bool, err error) {
	switch {
	case i >= len(b) && c.eof && i > 0:
		return i, false, nil
	case i >= len(b):
		return 0, false, errShort
	case b[i] == ',':
		return 0, true, nil
	case b[i] == '\n':
		return i + 1, false, nil
	case b[i] != '\r':
		return 0, false, fmt.Errorf("the result is not CSV: %q follows a closing quote", b[i])
	case i+1 < len(b) && b[i+1] == '\n':
		return i + 2, false, nil
	case i+1 == len(b) && c.eof:
		return i + 1, false, nil
	case i+1 == len(b):
		return 0, false, errShort
	}
	return 0, false, errors.New("the result is not CSV: a carriage return stands alone between records")
}

// plainField reads a field without quotes, up to a comma or a line end. It must
// have one, unless b is known to be the end: where a download breaks off, half a
// value looks like a whole one.
func plainField(b []byte, end bool) (csvField, error) {
	n := bytes.IndexAny(b, ",\n")
	if n < 0 && end {
		return csvField{raw: b}, nil
	}
	if n < 0 {
		return csvField{}, errShort
	}
	if n > 0 && b[n-1] == '\r' {
		n--
	}
	return csvField{raw: b[:n]}, nil
}

// quotedField reads a field up to its closing quote. When b ends right behind
// that quote, fieldEnd decides whether it was the first of two.
func quotedField(b []byte) (f csvField, err error) {
	for i := 0; ; {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return csvField{}, errShort
		}
		i += q
		if i+1 >= len(b) || b[i+1] != '"' {
			f.raw = b[:i]
			return f, nil
		}
		f.escaped = true
		i += 2
	}
}

// value is the field's bytes with doubled quotes made single. It may use
// scratch, which it returns grown.
func (f csvField) value(scratch []byte) (value, grown []byte) {
	if !f.escaped {
		return f.raw, scratch
	}
	scratch = scratch[:0]
	for rest := f.raw; ; {
		q := bytes.IndexByte(rest, '"')
		if q < 0 {
			scratch = append(scratch, rest...)
			return scratch, scratch
		}
		scratch = append(scratch, rest[:q+1]...)
		rest = rest[q+2:]
	}
}

// decodeCSV reads a Bulk result set into b and returns its number of rows. whole
// says that r ends where the result does, or with an error.
func decodeCSV(r io.Reader, whole bool, b *batcher) (int64, error) {
	c := newCSVReader(r, whole)
	order, err := b.readHeader(c)
	if errors.Is(err, io.EOF) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	start := b.total
	var scratch []byte
	for {
		if err := b.quickRows(c, order); err != nil {
			return b.total - start, err
		}
		fields, err := c.next()
		if errors.Is(err, io.EOF) {
			return b.total - start, nil
		}
		if err != nil {
			return b.total - start, err
		}
		if len(fields) < len(order) && c.eof && c.pos == c.end {
			return b.total - start, errCut
		}
		if scratch, err = b.csvRow(fields, order, scratch); err != nil {
			return b.total - start, err
		}
	}
}

// readHeader maps the positions of the header to columns of b. They may be in
// any order (API 49 and older sort them), but all of them.
func (b *batcher) readHeader(c *csvReader) ([]int, error) {
	header, err := c.next()
	if len(header) > 0 {
		if name, bom := bytes.CutPrefix(header[0].raw, []byte("\ufeff")); bom {
			header[0].raw = bytes.Trim(name, `"`)
		}
	}
	if err != nil {
		return nil, err
	}
	return b.columnOrder(header)
}

// quickRows adds the records in c's buffer up to the first one that needs care.
func (b *batcher) quickRows(c *csvReader, order []int) error {
	for c.pos < c.end {
		b.beginRow()
		n := b.quickCSV(c.buf[c.pos:c.end], order)
		if n == 0 {
			break
		}
		c.pos += n
		if err := b.endRow(); err != nil {
			return err
		}
	}
	return nil
}

// csvRow adds one record.
func (b *batcher) csvRow(fields []csvField, order []int, scratch []byte) ([]byte, error) {
	if len(fields) != len(order) {
		return scratch, b.rowError(b.csvID(fields, order), fmt.Errorf("the record has %d fields, its header %d", len(fields), len(order)))
	}
	b.beginRow()
	for i, f := range fields {
		var v []byte
		v, scratch = f.value(scratch)
		col := order[i]
		if err := b.set(col, v); err != nil {
			return scratch, b.valueError(col, b.csvID(fields, order), v, err)
		}
	}
	return scratch, b.endRow()
}

// columnOrder maps the header's positions to columns of b.
func (b *batcher) columnOrder(header []csvField) ([]int, error) {
	at := make(map[string]int, len(b.cols))
	for i := range b.cols {
		at[strings.ToLower(b.cols[i].name)] = i
	}
	order := make([]int, len(header))
	for i, f := range header {
		v, _ := f.value(nil)
		name := strings.ToLower(string(v))
		col, ok := at[name]
		if !ok {
			return nil, fmt.Errorf("the result has a column %q that was not asked for, or twice", excerpt(v))
		}
		delete(at, name)
		order[i] = col
	}
	for i := range b.cols {
		if _, missing := at[strings.ToLower(b.cols[i].name)]; missing {
			return nil, fmt.Errorf("the result lacks the column %q", b.cols[i].name)
		}
	}
	return order, nil
}

// csvID is the record's Id, for an error text.
func (b *batcher) csvID(fields []csvField, order []int) []byte {
	for i, col := range order {
		if i < len(fields) && b.cols[col].name == "Id" {
			return fields[i].raw
		}
	}
	return nil
}
