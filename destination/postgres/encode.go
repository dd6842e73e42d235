package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
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

// vector reads the values of one column of a batch out of its buffers.
type vector struct {
	valid  []byte // a bitmap; nil when nothing is null
	offset int    // of the first row in valid
	put    func(buf []byte, row int) []byte
}

func (v *vector) null(row int) bool {
	return v.valid != nil && bitutil.BitIsNotSet(v.valid, v.offset+row)
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

// bind looks at all values of a column at once, so that putting them in rows
// has nothing to check.
func (v *vector) bind(b arrow.RecordBatch, i int, o *odd) error {
	switch a := b.Column(i).(type) {
	case *array.String:
		values, err := texts(b, i, a, o)
		v.put = values.put
		return err
	case *array.Binary:
		v.put = (&runs{a.ValueOffsets(), buffer(a.Data())}).put
	case *array.Boolean:
		v.put = func(buf []byte, row int) []byte {
			if a.Value(row) {
				return append(buf, 0, 0, 0, 1, 1)
			}
			return append(buf, 0, 0, 0, 1, 0)
		}
	case *array.Int64:
		v.put = longs(a.Int64Values(), 0)
	case *array.Float64:
		values := a.Float64Values()
		v.put = func(buf []byte, row int) []byte { return putLong(buf, math.Float64bits(values[row])) }
	case *array.Timestamp:
		values := a.TimestampValues()
		for row, at := range values {
			if !v.null(row) && at < minMicros {
				return o.refuse(b, i, row, at.ToTime(arrow.Microsecond).Format(time.RFC3339Nano), "a timestamp is of 4713 BC or later")
			}
		}
		v.put = func(buf []byte, row int) []byte { return putLong(buf, uint64(values[row]-epochMicros)) }
	case *array.Date32:
		values := a.Date32Values()
		for row, day := range values {
			if !v.null(row) && (int64(day) < minDay || int64(day) > maxDay) {
				return o.refuse(b, i, row, fmt.Sprintf("day %d from 1970", day), "a date is of 4713 BC to 5874897 AD")
			}
		}
		v.put = func(buf []byte, row int) []byte {
			return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), uint32(int32(values[row])-epochDays))
		}
	case *array.Time64:
		values := a.Time64Values()
		for row, at := range values {
			if !v.null(row) && (at < 0 || at > 24*3600*1_000_000) {
				return o.refuse(b, i, row, fmt.Sprintf("%d µs", at), "a time of day is of 0 to 24 hours")
			}
		}
		v.put = func(buf []byte, row int) []byte { return putLong(buf, uint64(values[row])) }
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		v.put = func(buf []byte, row int) []byte { return putNumeric(buf, a.Value(row), int(scale)) }
	default:
		return fmt.Errorf("no way to write %s", a.DataType())
	}
	return nil
}

func longs(values []int64, minus int64) func([]byte, int) []byte {
	return func(buf []byte, row int) []byte { return putLong(buf, uint64(values[row]-minus)) }
}

func putLong(buf []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), n)
}

// runs are values of any length, one after the other.
type runs struct {
	offsets []int32
	bytes   []byte
}

func buffer(d arrow.ArrayData) []byte {
	if b := d.Buffers()[2]; b != nil {
		return b.Bytes()
	}
	return nil
}

func (r *runs) at(row int) []byte { return r.bytes[r.offsets[row]:r.offsets[row+1]] }

func (r *runs) put(buf []byte, row int) []byte {
	value := r.at(row)
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(value))), value...)
}

// all are the bytes of all values.
func (r *runs) all() []byte {
	if len(r.offsets) == 0 {
		return nil
	}
	return r.bytes[r.offsets[0]:r.offsets[len(r.offsets)-1]]
}

// texts checks that all values are UTF-8 and have no NUL, in two passes over
// the bytes of all; only when one fails does it look at each.
func texts(b arrow.RecordBatch, i int, a *array.String, o *odd) (*runs, error) {
	r := &runs{a.ValueOffsets(), buffer(a.Data())}
	all := r.all()
	whole := utf8.Valid(all)
	for row := 0; whole && row < a.Len(); row++ {
		at := r.offsets[row]
		whole = at == r.offsets[row+1] || utf8.RuneStart(r.bytes[at])
	}
	if !whole {
		for row := range a.Len() {
			if !a.IsNull(row) && !utf8.Valid(r.at(row)) {
				return nil, o.refuse(b, i, row, fmt.Sprintf("%.100q", r.at(row)), "PostgreSQL holds texts in UTF-8")
			}
		}
	}
	if bytes.IndexByte(all, 0) < 0 {
		return r, nil
	}
	return o.withoutNUL(b, i, a, r)
}

// odd is what is done about values that PostgreSQL cannot hold.
type odd struct {
	spec *destination.Spec
	// strip removes NUL characters, which are refused otherwise; stripped
	// counts them.
	strip    bool
	stripped int64
}

func (o *odd) withoutNUL(b arrow.RecordBatch, i int, a *array.String, r *runs) (*runs, error) {
	clean := &runs{offsets: make([]int32, 1, a.Len()+1)}
	for row := range a.Len() {
		var value []byte
		if !a.IsNull(row) {
			value = r.at(row)
		}
		n := bytes.Count(value, []byte{0})
		if n > 0 && !o.strip {
			err := o.refuse(b, i, row, fmt.Sprintf("%.100q", value), "")
			err.Mend = "PostgreSQL holds no NUL character in a text: correct the record, or remove such characters with --nul strip"
			return nil, err
		}
		o.stripped += int64(n)
		clean.bytes = append(clean.bytes, bytes.ReplaceAll(value, []byte{0}, nil)...)
		clean.offsets = append(clean.offsets, int32(len(clean.bytes)))
	}
	return clean, nil
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
