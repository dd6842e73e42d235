package salesforce

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// column collects the values of one column of a batch in Arrow's own layout,
// so that a value is copied once: from the wire's buffer to its place. It is
// what array.StringBuilder and its like do, without a call and a capacity
// check a value for each of their three buffers.
type column struct {
	name  string
	typ   arrow.DataType
	kind  kind
	valid []byte // a bit a row, set unless null
	fixed []byte // values of fixed width, or the offsets of a text
	chars []byte // room for the bytes of a text
	used  int    // bytes of chars in use
	nulls int
	width int    // bytes of text a row in the batch before
	any   bool   // an anyType field, whose datetimes the two APIs write differently
	key   string // what stands before its value in JSON: ,"Name":

	// The buffers that valid, fixed and chars are views of.
	buffers [3]*memory.Buffer
}

// firstWidth is the room for text that a column of unknown width gets, bytes a
// row.
const firstWidth = 16

// reset gives c new buffers for rows values, all of them valid so far.
func (c *column) reset(alloc memory.Allocator, rows int) {
	c.used, c.nulls = 0, 0
	bits := (rows + 7) / 8
	c.valid = c.buffer(0, alloc, bits)
	fill(c.valid, 0xff)
	switch c.kind {
	case kindText:
		c.fixed = c.buffer(1, alloc, 4*(rows+1))
		fill(c.fixed[:4], 0)
		c.chars = c.buffer(2, alloc, rows*c.width+textMargin)
	case kindBool:
		c.fixed = c.buffer(1, alloc, bits)
		fill(c.fixed, 0)
	case kindDate:
		c.fixed = c.buffer(1, alloc, 4*rows)
	default:
		c.fixed = c.buffer(1, alloc, 8*rows)
	}
}

// buffer makes buffer i of c, of all the size it got.
func (c *column) buffer(i int, alloc memory.Allocator, size int) []byte {
	b := memory.NewResizableBuffer(alloc)
	b.Resize(size)
	c.buffers[i] = b
	return b.Buf()
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// set stores value b at row. Rows are set in order, each once. An empty value
// is null: Salesforce stores no empty strings, and CSV has no other null.
func (c *column) set(row int, b []byte) error {
	if len(b) == 0 {
		c.setNull(row)
		return nil
	}
	switch c.kind {
	case kindText:
		if c.any {
			b = bulkForm(b)
		}
		c.setText(row, b)
		return nil
	case kindBool:
		v, err := parseBool(b)
		if v {
			c.fixed[row>>3] |= 1 << (row & 7)
		}
		return err
	case kindInt:
		v, err := parseInt(b)
		c.set64(row, uint64(v))
		return err
	case kindFloat:
		v, err := parseFloat(b)
		c.set64(row, math.Float64bits(v))
		return err
	case kindDate:
		v, err := parseDate(b)
		c.set32(row, uint32(v))
		return err
	case kindStamp:
		v, err := parseStamp(b)
		c.set64(row, uint64(v))
		return err
	default:
		v, err := parseTime(b)
		c.set64(row, uint64(v))
		return err
	}
}

// textMargin is the room behind a text that quickText may write to before it
// asks for more.
const textMargin = 64

// bulkForm gives a datetime the form that Bulk has for it, so that both APIs
// give the same text for a value of an anyType field (P1): REST ends it in
// +0000, Bulk in Z.
func bulkForm(b []byte) []byte {
	const form = "2006-01-02T15:04:05.000+0000"
	if len(b) != len(form) || string(b[len(b)-5:]) != "+0000" {
		return b
	}
	if _, err := parseStamp(b); err != nil {
		return b
	}
	return append(bytes.Clone(b[:len(b)-5]), 'Z')
}

func (c *column) setText(row int, b []byte) {
	end := c.used + len(b)
	if end > len(c.chars) {
		c.grow(end)
	}
	copy(c.chars[c.used:end], b)
	c.used = end
	c.set32(row+1, uint32(end))
}

// grow makes room for at least size bytes of text.
func (c *column) grow(size int) {
	b := c.buffers[2]
	b.Resize(max(size+textMargin, len(c.chars)+len(c.chars)/2))
	c.chars = b.Buf()
}

func (c *column) setNull(row int) {
	c.valid[row>>3] &^= 1 << (row & 7)
	c.nulls++
	switch c.kind {
	case kindText:
		c.set32(row+1, uint32(c.used))
	case kindBool: // its bit is 0 already
	case kindDate:
		c.set32(row, 0)
	default:
		c.set64(row, 0)
	}
}

// unset makes c what it was before a value was set at row, if one was.
func (c *column) unset(row int) {
	if bit := byte(1) << (row & 7); c.valid[row>>3]&bit == 0 {
		c.valid[row>>3] |= bit
		c.nulls--
	}
	switch c.kind {
	case kindText:
		c.used = int(binary.NativeEndian.Uint32(c.fixed[4*row:]))
	case kindBool:
		c.fixed[row>>3] &^= 1 << (row & 7)
	default: // what is set next overwrites it
	}
}

func (c *column) set32(row int, v uint32) { binary.NativeEndian.PutUint32(c.fixed[4*row:], v) }
func (c *column) set64(row int, v uint64) { binary.NativeEndian.PutUint64(c.fixed[8*row:], v) }

// array hands the first rows values over and leaves c without buffers.
func (c *column) array(rows int) arrow.Array {
	buffers := []*memory.Buffer{c.buffers[0], c.buffers[1]}
	if c.kind == kindText {
		c.width = c.used/rows + 1
		c.buffers[2].ResizeNoShrink(c.used)
		buffers = append(buffers, c.buffers[2])
	}
	data := array.NewData(c.typ, rows, buffers, nil, c.nulls, 0)
	defer data.Release()
	c.release()
	return array.MakeFromData(data)
}

// release drops what buffers c still has.
func (c *column) release() {
	for _, b := range c.buffers {
		if b != nil {
			b.Release()
		}
	}
	c.buffers = [3]*memory.Buffer{}
	c.valid, c.fixed, c.chars = nil, nil, nil
}
