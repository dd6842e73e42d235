package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"sluice/destination"
)

// The binary format of COPY: https://www.postgresql.org/docs/current/sql-copy.html

var copyHeader = append([]byte("PGCOPY\n\xff\r\n\x00"), 0, 0, 0, 0, 0, 0, 0, 0)

var copyTrailer = []byte{0xff, 0xff}

// PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01.
const (
	epochDays   = 10957
	epochMicros = epochDays * 24 * 3600 * 1_000_000
)

// The bounds of date and timestamptz, counted from 1970: 4713-11-24 BC to
// 5874897-12-31. The greatest timestamp of Arrow is within PostgreSQL's.
const (
	minDay    = -2451545 + epochDays
	maxDay    = 2145031948 + epochDays
	minMicros = -211813488000000000 + epochMicros
)

// form is how the values of a column are written.
type form int

const (
	eightBytes form = iota // a number
	fourBytes              // a number
	oneByte                // a boolean
	anyBytes
	digits // of a number with a decimal point
)

// vector reads the values of one column of a batch out of its buffers.
type vector struct {
	form   form
	valid  []byte // a bitmap; nil when nothing is null
	offset int    // of the first row in valid
	// raw are the numbers as Arrow has them, of which minus is to be taken, the
	// bits of booleans, or the bytes of all runs.
	raw     []byte
	minus   uint64
	first   int     // the bit of the first boolean
	offsets []int32 // of runs in raw
	decimal *array.Decimal128
}

// vectors checks the values of a batch, and makes them ready to be put in rows.
func vectors(b arrow.RecordBatch, o *odd) ([]vector, error) {
	list := make([]vector, b.NumCols())
	for i, column := range b.Columns() {
		v := &list[i]
		if column.NullN() > 0 {
			v.valid, v.offset = column.NullBitmapBytes(), column.Data().Offset()
		}
		if err := v.bind(b, i, o); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (v *vector) null(row int) bool {
	return v.valid != nil && bitutil.BitIsNotSet(v.valid, v.offset+row)
}

// bind looks at all values of a column at once, so that putting them in rows
// has nothing to check.
func (v *vector) bind(b arrow.RecordBatch, i int, o *odd) error {
	switch a := b.Column(i).(type) {
	case *array.String:
		return v.texts(b, i, a, o)
	case *array.Binary:
		v.form, v.offsets, v.raw = anyBytes, a.ValueOffsets(), buffer(a.Data(), 2)
	case *array.Boolean:
		v.form, v.raw, v.first = oneByte, buffer(a.Data(), 1), a.Data().Offset()
	case *array.Int64, *array.Float64:
		v.numbers(eightBytes, a.Data())
	case *array.Timestamp:
		for row, at := range a.TimestampValues() {
			if !v.null(row) && at < minMicros {
				return o.refuse(b, i, row, at.ToTime(arrow.Microsecond).Format(time.RFC3339Nano), "a timestamp is of 4713 BC or later")
			}
		}
		v.numbers(eightBytes, a.Data())
		v.minus = epochMicros
	case *array.Date32:
		for row, day := range a.Date32Values() {
			if !v.null(row) && (int64(day) < minDay || int64(day) > maxDay) {
				return o.refuse(b, i, row, fmt.Sprintf("day %d from 1970", day), "a date is of 4713 BC to 5874897 AD")
			}
		}
		v.numbers(fourBytes, a.Data())
		v.minus = epochDays
	case *array.Time64:
		for row, at := range a.Time64Values() {
			if !v.null(row) && (at < 0 || at > 24*3600*1_000_000) {
				return o.refuse(b, i, row, fmt.Sprintf("%d µs", at), "a time of day is of 0 to 24 hours")
			}
		}
		v.numbers(eightBytes, a.Data())
	case *array.Decimal128:
		v.form, v.decimal = digits, a
	default:
		return fmt.Errorf("no way to write %s", a.DataType())
	}
	return nil
}

func (v *vector) numbers(f form, d arrow.ArrayData) {
	v.form = f
	if b := buffer(d, 1); b != nil {
		v.raw = b[f.width()*d.Offset():]
	}
}

// buffer is one of an array's; nil where there are no values.
func buffer(d arrow.ArrayData, i int) []byte {
	if b := d.Buffers()[i]; b != nil {
		return b.Bytes()
	}
	return nil
}

// width is how many bytes a value has; of a number with a decimal point at
// most: its groups of two bytes hold four of 38 digits each, on either side of
// the point.
func (f form) width() int {
	return [...]int{eightBytes: 8, fourBytes: 4, oneByte: 1, anyBytes: 0, digits: 8 + 2*11}[f]
}

// shortRun is up to how many bytes are copied by two words, which is quicker
// than to call a copy.
const shortRun = 16

// room is how many bytes some rows take at most, and what copying a short run
// may write behind it.
func room(list []vector, from, to int) int {
	n := shortRun + 2*(to-from)
	for i := range list {
		v := &list[i]
		n += (4 + v.form.width()) * (to - from)
		if v.form == anyBytes {
			n += int(v.offsets[to] - v.offsets[from])
		}
	}
	return n
}

// appendRows adds rows to buf.
func appendRows(buf []byte, list []vector, from, to int) []byte {
	buf = slices.Grow(buf, room(list, from, to))
	at := len(buf)
	buf = buf[:cap(buf)]
	for row := from; row < to; row++ {
		binary.BigEndian.PutUint16(buf[at:], uint16(len(list)))
		at += 2
		for i := range list {
			at = list[i].put(buf, at, row)
		}
	}
	return buf[:at]
}

// put writes a value at a place where there is room for it, and gives the place
// after it.
func (v *vector) put(buf []byte, at, row int) int {
	if v.null(row) {
		binary.BigEndian.PutUint32(buf[at:], math.MaxUint32)
		return at + 4
	}
	switch v.form {
	case eightBytes:
		binary.BigEndian.PutUint32(buf[at:], 8)
		binary.BigEndian.PutUint64(buf[at+4:], binary.NativeEndian.Uint64(v.raw[8*row:])-v.minus)
		return at + 12
	case fourBytes:
		binary.BigEndian.PutUint32(buf[at:], 4)
		binary.BigEndian.PutUint32(buf[at+4:], binary.NativeEndian.Uint32(v.raw[4*row:])-uint32(v.minus))
		return at + 8
	case oneByte:
		binary.BigEndian.PutUint32(buf[at:], 1)
		buf[at+4] = 0
		if bitutil.BitIsSet(v.raw, v.first+row) {
			buf[at+4] = 1
		}
		return at + 5
	case anyBytes:
		from, to := int(v.offsets[row]), int(v.offsets[row+1])
		n := to - from
		binary.BigEndian.PutUint32(buf[at:], uint32(n))
		at += 4
		if n <= shortRun && from+shortRun <= len(v.raw) {
			binary.NativeEndian.PutUint64(buf[at:], binary.NativeEndian.Uint64(v.raw[from:]))
			binary.NativeEndian.PutUint64(buf[at+8:], binary.NativeEndian.Uint64(v.raw[from+8:]))
		} else {
			copy(buf[at:], v.raw[from:to])
		}
		return at + n
	case digits:
		scale := v.decimal.DataType().(*arrow.Decimal128Type).Scale
		return len(putNumeric(buf[:at], v.decimal.Value(row), int(scale)))
	}
	return at
}

// texts checks that all values are UTF-8 and have no NUL: in few passes over the
// bytes of all, and at each value only when there is reason to.
func (v *vector) texts(b arrow.RecordBatch, i int, a *array.String, o *odd) error {
	v.form, v.offsets, v.raw = anyBytes, a.ValueOffsets(), buffer(a.Data(), 2)
	var all []byte
	if n := len(v.offsets); n > 0 {
		all = v.raw[v.offsets[0]:v.offsets[n-1]]
	}
	if !ascii(all) && !v.whole(all) {
		for row := range a.Len() {
			if !a.IsNull(row) && !utf8.Valid(v.run(row)) {
				return o.refuse(b, i, row, fmt.Sprintf("%.100q", v.run(row)), "PostgreSQL holds texts in UTF-8")
			}
		}
	}
	if bytes.IndexByte(all, 0) < 0 {
		return nil
	}
	return v.withoutNUL(b, i, a, o)
}

func (v *vector) run(row int) []byte { return v.raw[v.offsets[row]:v.offsets[row+1]] }

// ascii says whether no byte has its highest bit set.
func ascii(all []byte) bool {
	var or uint64
	for ; len(all) >= 8; all = all[8:] {
		or |= binary.NativeEndian.Uint64(all)
	}
	for _, c := range all {
		or |= uint64(c)
	}
	return or&0x8080808080808080 == 0
}

// whole says whether all values are UTF-8: their bytes together are, and none
// begins within a character.
func (v *vector) whole(all []byte) bool {
	if !utf8.Valid(all) {
		return false
	}
	for row := range len(v.offsets) - 1 {
		if at := v.offsets[row]; at < v.offsets[row+1] && !utf8.RuneStart(v.raw[at]) {
			return false
		}
	}
	return true
}

// odd is what is done about values that PostgreSQL cannot hold.
type odd struct {
	spec *destination.Spec
	// strip removes NUL characters, which are refused otherwise; stripped
	// counts them.
	strip    bool
	stripped int64
}

// withoutNUL removes NUL characters, or refuses them.
func (v *vector) withoutNUL(b arrow.RecordBatch, i int, a *array.String, o *odd) error {
	var raw []byte
	offsets := make([]int32, 1, a.Len()+1)
	for row := range a.Len() {
		var value []byte
		if !a.IsNull(row) {
			value = v.run(row)
		}
		n := bytes.Count(value, []byte{0})
		if n > 0 && !o.strip {
			err := o.refuse(b, i, row, fmt.Sprintf("%.100q", value), "")
			err.Mend = "PostgreSQL holds no NUL character in a text: correct the record, or remove such characters with --nul strip"
			return err
		}
		o.stripped += int64(n)
		raw = append(raw, bytes.ReplaceAll(value, []byte{0}, nil)...)
		offsets = append(offsets, int32(len(raw)))
	}
	v.offsets, v.raw = offsets, raw
	return nil
}

// refuse names the record and the field of a value that cannot be held.
func (o *odd) refuse(b arrow.RecordBatch, column, row int, value, why string) *destination.Error {
	field := b.Schema().Field(column).Name
	e := &destination.Error{
		Err:  fmt.Errorf("record %s of %s: field %s is %s, which PostgreSQL cannot hold", o.key(b, row), o.spec.Source, field, value),
		Mend: why,
	}
	return e
}

// key is the key of a row as text.
func (o *odd) key(b arrow.RecordBatch, row int) string {
	var parts []string
	for _, k := range o.spec.Key {
		for _, i := range b.Schema().FieldIndices(k) {
			parts = append(parts, b.Column(i).ValueStr(row))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%d of a batch", row+1)
	}
	return strings.Join(parts, ", ")
}

// putNumeric writes a decimal number in PostgreSQL's groups of four digits,
// which are counted from the decimal point.
func putNumeric(buf []byte, n decimal128.Num, scale int) []byte {
	digits := n.Abs().BigInt().Text(10)
	if pad := scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	whole, fraction := digits[:len(digits)-scale], digits[len(digits)-scale:]
	whole = strings.Repeat("0", (4-len(whole)%4)%4) + whole
	fraction += strings.Repeat("0", (4-len(fraction)%4)%4)
	weight := len(whole)/4 - 1
	all := whole + fraction
	for strings.HasPrefix(all, "0000") {
		all, weight = all[4:], weight-1
	}
	for strings.HasSuffix(all, "0000") {
		all = all[:len(all)-4]
	}
	if all == "" {
		weight = 0
	}
	var sign uint16
	if n.Sign() < 0 {
		sign = 0x4000
	}
	groups := len(all) / 4
	buf = binary.BigEndian.AppendUint32(buf, uint32(8+2*groups))
	buf = binary.BigEndian.AppendUint16(buf, uint16(groups))
	buf = binary.BigEndian.AppendUint16(buf, uint16(int16(weight)))
	buf = binary.BigEndian.AppendUint16(buf, sign)
	buf = binary.BigEndian.AppendUint16(buf, uint16(scale))
	for ; all != ""; all = all[4:] {
		group := uint16(all[0]-'0')*1000 + uint16(all[1]-'0')*100 + uint16(all[2]-'0')*10 + uint16(all[3]-'0')
		buf = binary.BigEndian.AppendUint16(buf, group)
	}
	return buf
}
