package postgres

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
	// kind is the type that holds every value of the field exactly, and the one
	// that it is staged in; target the type that the column has when the load
	// is committed.
	kind, target string
	notNull      bool
	// collation is that of the column, quoted, where it is not the default.
	collation string
}

// exact says whether every value of the field fits the column as it is.
func (c column) exact() bool { return c.kind == c.target }

// PostgreSQL's names of types, as format_type gives them.
const (
	text      = "text"
	boolean   = "boolean"
	bigint    = "bigint"
	float     = "double precision"
	date      = "date"
	timestamp = "timestamp with time zone"
	clock     = "time without time zone"
	bytea     = "bytea"
)

// kind gives the type that holds every value of an Arrow type exactly, but for
// NUL in a text and dates beyond PostgreSQL's.
func kind(t arrow.DataType) (string, bool) {
	switch t := t.(type) {
	case *arrow.StringType:
		return text, true
	case *arrow.BooleanType:
		return boolean, true
	case *arrow.Int64Type:
		return bigint, true
	case *arrow.Float64Type:
		return float, true
	case *arrow.Date32Type:
		return date, true
	case *arrow.TimestampType:
		return timestamp, t.Unit == arrow.Microsecond && t.TimeZone == "UTC"
	case *arrow.Time64Type:
		return clock, t.Unit == arrow.Microsecond
	case *arrow.Decimal128Type:
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale), t.Scale >= 0
	case *arrow.BinaryType:
		return bytea, true
	default:
		return "", false
	}
}

// integers lists the integer types by the decimal digits they hold at most.
var integers = map[string]int{"smallint": 5, "integer": 10, bigint: 19}

// target decides what becomes of a column that values of type want go into: its
// type after the load. A value that does not survive the cast to a kept type
// is found, and refused, at the commit. A domain is kept, as its rules are.
func target(have existing, want string, mode destination.Mode) (string, bool) {
	to, ok := wide(have, want, mode)
	if ok && have.declared != have.kind {
		return have.declared, true
	}
	return to, ok
}

// wide is target of a column that is of no domain, or as if it were of none.
func wide(have existing, want string, mode destination.Mode) (string, bool) {
	_, fromInt := integers[have.kind]
	haveNumeric := isNumeric(have.kind)
	switch {
	case have.kind == want, isText(have.kind) && want != bytea:
		return have.declared, true
	case want == text && (have.enum || have.kind == "json" || have.kind == "jsonb"):
		return have.declared, true
	case want == text && widensToText(have.kind):
		return want, true
	case want == bigint && (have.kind == float || haveNumeric):
		return have.declared, true
	case want == bigint && fromInt:
		return want, true
	case want == float && (have.kind == "real" || fromInt && (mode == destination.Replace || integers[have.kind] <= 10)):
		// A bigint beyond 2^53 would change as a double; a replace keeps none.
		return want, true
	case want == float && haveNumeric, isNumeric(want) && have.kind == float:
		return have.declared, true
	case isNumeric(want) && haveNumeric:
		return widerNumeric(have.kind, want), true
	case isNumeric(want) && fromInt:
		return widerNumeric(fmt.Sprintf("numeric(%d,0)", integers[have.kind]), want), true
	case want == timestamp:
		return have.declared, strings.HasPrefix(have.kind, "timestamp")
	case want == clock:
		return have.declared, strings.HasPrefix(have.kind, "time(") && strings.HasSuffix(have.kind, " without time zone")
	default:
		return "", false
	}
}

// isText says whether the type holds texts as they are, up to a length at most.
func isText(t string) bool {
	return t == text || t == "character varying" || t == "citext" || strings.HasSuffix(t, ".citext") ||
		strings.HasPrefix(t, "character(") || strings.HasPrefix(t, "character varying(")
}

// widensToText says whether old values of the type stay readable as text.
func widensToText(have string) bool {
	switch have {
	case boolean, float, "real", date, clock, timestamp, "timestamp without time zone":
		return true
	}
	return isNumeric(have) || integers[have] > 0
}

func isNumeric(t string) bool { return t == "numeric" || strings.HasPrefix(t, "numeric(") }

var numericType = regexp.MustCompile(`^numeric\((\d+),(-?\d+)\)$`)

// widerNumeric is the narrowest numeric that holds the values of both.
func widerNumeric(a, b string) string {
	precisionA, scaleA, boundA := numeric(a)
	precisionB, scaleB, boundB := numeric(b)
	if !boundA || !boundB {
		return "numeric"
	}
	scale := max(scaleA, scaleB)
	return fmt.Sprintf("numeric(%d,%d)", max(precisionA-scaleA, precisionB-scaleB)+scale, scale)
}

func numeric(t string) (precision, scale int, ok bool) {
	m := numericType.FindStringSubmatch(t)
	if m == nil {
		return 0, 0, false
	}
	precision, _ = strconv.Atoi(m[1])
	scale, _ = strconv.Atoi(m[2])
	return precision, scale, true
}
