package transform

import (
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// conversions is the hint for a change of type that there is none for.
const conversions = "anything can become text, and a text anything; numbers become other numbers, and a date and a timestamp each other"

// conversion is how values of one type become another, exactly or not at all;
// nil when they cannot.
func conversion(from, to arrow.DataType) change {
	switch to := to.(type) {
	case *arrow.StringType:
		return asText
	case *arrow.Int64Type:
		return toInt(from, to)
	case *arrow.Float64Type:
		return toFloat(from, to)
	case *arrow.Decimal128Type:
		return toDecimal(from, to)
	case *arrow.BooleanType:
		if from.ID() == arrow.STRING {
			return textToBool
		}
	case *arrow.Date32Type:
		return toDate(from, to)
	case *arrow.TimestampType:
		return toStamp(from, to)
	case *arrow.Time64Type:
		if from.ID() == arrow.STRING {
			return textToTime
		}
	}
	return nil
}

// asText writes any value as text.
func asText(in arrow.Array, row int, out array.Builder) error {
	out.(*array.StringBuilder).Append(Text(in, row))
	return nil
}

const (
	stampForm = "2006-01-02T15:04:05.000000Z"
	timeForm  = "15:04:05.000000"
)

// Text is the one text of a value: numbers with all their digits and no
// exponent, instants in UTC, to the microsecond. Null is empty.
func Text(a arrow.Array, row int) string {
	if a.IsNull(row) {
		return ""
	}
	switch a := a.(type) {
	case *array.String:
		return a.Value(row)
	case *array.Int64:
		return strconv.FormatInt(a.Value(row), 10)
	case *array.Float64:
		return strconv.FormatFloat(a.Value(row), 'f', -1, 64)
	case *array.Boolean:
		return strconv.FormatBool(a.Value(row))
	case *array.Date32:
		return a.Value(row).ToTime().Format(time.DateOnly)
	case *array.Timestamp:
		return time.UnixMicro(int64(a.Value(row))).UTC().Format(stampForm)
	case *array.Time64:
		return time.UnixMicro(int64(a.Value(row))).UTC().Format(timeForm)
	case *array.Decimal128:
		return a.Value(row).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	}
	return a.ValueStr(row)
}

func toInt(from, to arrow.DataType) change {
	switch from.ID() {
	case arrow.STRING:
		return func(in arrow.Array, row int, out array.Builder) error {
			n, err := strconv.ParseInt(Text(in, row), 10, 64)
			if err != nil {
				return doesNotFit(in, row, to, "it is not a whole number of 64 bits")
			}
			out.(*array.Int64Builder).Append(n)
			return nil
		}
	case arrow.FLOAT64:
		return func(in arrow.Array, row int, out array.Builder) error {
			f := in.(*array.Float64).Value(row)
			// Beyond 2^53 a double no longer tells neighbours apart.
			if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
				return doesNotFit(in, row, to, "it is not whole, or too large to be exact")
			}
			out.(*array.Int64Builder).Append(int64(f))
			return nil
		}
	default:
		return nil
	}
}

func toFloat(from, to arrow.DataType) change {
	switch from.ID() {
	case arrow.STRING:
		return func(in arrow.Array, row int, out array.Builder) error {
			text := Text(in, row)
			f, err := strconv.ParseFloat(text, 64)
			if err != nil || !isNumber(text) {
				return doesNotFit(in, row, to, "it is not a number")
			}
			out.(*array.Float64Builder).Append(f)
			return nil
		}
	case arrow.INT64:
		return func(in arrow.Array, row int, out array.Builder) error {
			n := in.(*array.Int64).Value(row)
			if n > 1<<53 || n < -1<<53 {
				return doesNotFit(in, row, to, "a double has 53 bits")
			}
			out.(*array.Float64Builder).Append(float64(n))
			return nil
		}
	default:
		return nil
	}
}

// exactDigits is how many significant digits of a decimal survive the way
// through a double. With more, the double may not be what the org holds.
const exactDigits = 15

func toDecimal(from arrow.DataType, to *arrow.Decimal128Type) change {
	switch from.ID() {
	case arrow.STRING, arrow.INT64, arrow.FLOAT64:
	default:
		return nil
	}
	return func(in arrow.Array, row int, out array.Builder) error {
		text := Text(in, row)
		if f, ok := in.(*array.Float64); ok {
			text = strconv.FormatFloat(f.Value(row), 'e', -1, 64)
			if significant(text) > exactDigits {
				return doesNotFit(in, row, to, "a double is exact to "+strconv.Itoa(exactDigits)+" digits")
			}
		}
		n, why := parseDecimal(text, to.Precision, to.Scale)
		if why != "" {
			return doesNotFit(in, row, to, why)
		}
		out.(*array.Decimal128Builder).Append(n)
		return nil
	}
}

func textToBool(in arrow.Array, row int, out array.Builder) error {
	switch Text(in, row) {
	case "true", "TRUE", "True", "1":
		out.(*array.BooleanBuilder).Append(true)
	case "false", "FALSE", "False", "0":
		out.(*array.BooleanBuilder).Append(false)
	default:
		return doesNotFit(in, row, arrow.FixedWidthTypes.Boolean, "it is neither true nor false, 1 nor 0")
	}
	return nil
}

const day = int64(24 * time.Hour / time.Microsecond)

func toDate(from, to arrow.DataType) change {
	switch from.ID() {
	case arrow.STRING:
		return func(in arrow.Array, row int, out array.Builder) error {
			at, err := time.Parse(time.DateOnly, Text(in, row))
			if err != nil {
				return doesNotFit(in, row, to, "it is not written like 2026-03-01")
			}
			out.(*array.Date32Builder).Append(arrow.Date32FromTime(at))
			return nil
		}
	case arrow.TIMESTAMP:
		return func(in arrow.Array, row int, out array.Builder) error {
			at := int64(in.(*array.Timestamp).Value(row))
			if at%day != 0 {
				return doesNotFit(in, row, to, "it has a time of day")
			}
			out.(*array.Date32Builder).Append(arrow.Date32(at / day))
			return nil
		}
	default:
		return nil
	}
}

func toStamp(from, to arrow.DataType) change {
	switch from.ID() {
	case arrow.STRING:
		return func(in arrow.Array, row int, out array.Builder) error {
			at, ok := parseStamp(Text(in, row))
			if !ok {
				return doesNotFit(in, row, to, "it is not written like 2026-03-01T08:00:00Z, to the microsecond")
			}
			out.(*array.TimestampBuilder).Append(arrow.Timestamp(at))
			return nil
		}
	case arrow.DATE32:
		return func(in arrow.Array, row int, out array.Builder) error {
			out.(*array.TimestampBuilder).Append(arrow.Timestamp(int64(in.(*array.Date32).Value(row)) * day))
			return nil
		}
	default:
		return nil
	}
}

// parseStamp reads an instant as microseconds since 1970. It needs a zone:
// without one nobody knows which instant is meant.
func parseStamp(text string) (int64, bool) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07:00"} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UnixMicro(), at.Nanosecond()%1000 == 0
		}
	}
	return 0, false
}

func textToTime(in arrow.Array, row int, out array.Builder) error {
	for _, form := range []string{"15:04:05.999999999", "15:04:05.999999999Z"} {
		at, err := time.Parse(form, Text(in, row))
		if err == nil && at.Nanosecond()%1000 == 0 {
			midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
			out.(*array.Time64Builder).Append(arrow.Time64(at.Sub(midnight).Microseconds()))
			return nil
		}
	}
	return doesNotFit(in, row, arrow.FixedWidthTypes.Time64us, "it is not written like 08:00:00, to the microsecond")
}
