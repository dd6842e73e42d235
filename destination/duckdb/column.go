package duckdb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
)

// column is one column that a load writes.
type column struct {
	field string // as the batches call it
	name  string
	// kind is the type that holds every value of the field exactly, target the
	// type that the column has when the load is committed.
	kind, target string
	notNull      bool
}

// exact says whether every value of the field fits the column as it is.
func (c column) exact() bool { return c.kind == c.target }

// kind gives the type that holds every value of an Arrow type exactly.
func kind(t arrow.DataType) (string, bool) {
	switch t := t.(type) {
	case *arrow.StringType:
		return "VARCHAR", true
	case *arrow.BooleanType:
		return "BOOLEAN", true
	case *arrow.Int64Type:
		return "BIGINT", true
	case *arrow.Float64Type:
		return "DOUBLE", true
	case *arrow.Date32Type:
		return "DATE", true
	case *arrow.TimestampType:
		return "TIMESTAMP WITH TIME ZONE", t.Unit == arrow.Microsecond && t.TimeZone == "UTC"
	case *arrow.Time64Type:
		return "TIME", t.Unit == arrow.Microsecond
	case *arrow.Decimal128Type:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale), t.Scale >= 0
	case *arrow.BinaryType:
		return "BLOB", true
	default:
		return "", false
	}
}

// integers lists the integer types by the decimal digits they hold at most.
var integers = map[string]int{
	"TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5,
	"INTEGER": 10, "UINTEGER": 10, "BIGINT": 19, "UBIGINT": 20, "HUGEINT": 39, "UHUGEINT": 39,
}

// target decides what becomes of a column of type have that values of type
// want go into: its type after the load. A value that does not survive the
// cast to a kept type is found, and refused, at the commit.
func target(have, want string, mode destination.Mode) (string, bool) {
	_, fromInt := integers[have]
	havePrecision, haveScale, haveDecimal := decimal(have)
	wantPrecision, wantScale, wantDecimal := decimal(want)
	switch {
	case have == want, have == "VARCHAR" && want != "BLOB":
		return have, true
	case want == "VARCHAR" && (have == "JSON" || strings.HasPrefix(have, "ENUM(")):
		return have, true
	case want == "VARCHAR" && widensToText(have):
		return want, true
	case want == "BIGINT" && (have == "DOUBLE" || haveDecimal || integers[have] > 19):
		return have, true
	case want == "BIGINT" && fromInt:
		return want, true
	case want == "DOUBLE" && (have == "FLOAT" || fromInt && (mode == destination.Replace || integers[have] <= 10)):
		// A BIGINT beyond 2^53 would change as a DOUBLE; a replace keeps none.
		return want, true
	case want == "DOUBLE" && haveDecimal, wantDecimal && have == "DOUBLE":
		return have, true
	case wantDecimal && haveDecimal:
		scale := max(haveScale, wantScale)
		precision := max(havePrecision-haveScale, wantPrecision-wantScale) + scale
		return fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), precision <= 38
	case wantDecimal && fromInt:
		precision := max(integers[have], wantPrecision-wantScale) + wantScale
		return fmt.Sprintf("DECIMAL(%d,%d)", precision, wantScale), precision <= 38
	case want == "TIMESTAMP WITH TIME ZONE":
		return have, strings.HasPrefix(have, "TIMESTAMP")
	default:
		return "", false
	}
}

// widensToText says whether old values of the type stay readable as text.
func widensToText(have string) bool {
	switch have {
	case "BOOLEAN", "DOUBLE", "FLOAT", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
		return true
	}
	_, _, isDecimal := decimal(have)
	_, isInt := integers[have]
	return isDecimal || isInt
}

var decimalType = regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`)

func decimal(t string) (precision, scale int, ok bool) {
	m := decimalType.FindStringSubmatch(t)
	if m == nil {
		return 0, 0, false
	}
	precision, _ = strconv.Atoi(m[1])
	scale, _ = strconv.Atoi(m[2])
	return precision, scale, true
}
