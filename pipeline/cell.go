package pipeline

import (
	"encoding/json"
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
)

// canonical writes a value so that two of the same are the same text, whichever
// end and whichever type of column they come from: 12.50 of a DECIMAL is the 12.5
// of a double. A text that is no value of t stays as it is, and so differs from
// all that are.
func canonical(t arrow.DataType, isJSON bool, text string) string {
	switch t.(type) {
	case *arrow.StringType:
		if isJSON {
			return canonicalJSON(text)
		}
	case *arrow.Float64Type:
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return strconv.FormatFloat(f+0, 'f', -1, 64) // -0 is 0
		}
	case *arrow.Int64Type, *arrow.Decimal128Type:
		return canonicalNumber(text)
	case *arrow.Date32Type:
		for _, midnight := range []string{" 00:00:00", " 00:00:00+00"} { // of a column of timestamps
			text = strings.TrimSuffix(text, midnight)
		}
	case *arrow.TimestampType:
		if at, ok := parseMoment(text); ok {
			return at.Format(time.RFC3339Nano)
		}
	case *arrow.Time64Type:
		if strings.Contains(text, ".") {
			return strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
	}
	return text
}

// canonicalNumber leaves out zeros that say nothing.
func canonicalNumber(text string) string {
	if strings.ContainsAny(text, "eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return text
		}
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	digits, negative := strings.CutPrefix(text, "-")
	if strings.Contains(digits, ".") {
		digits = strings.TrimRight(strings.TrimRight(digits, "0"), ".")
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" || digits[0] == '.' {
		digits = "0" + digits
	}
	if negative && digits != "0" {
		return "-" + digits
	}
	return digits
}

// canonicalJSON leaves out blanks, and orders keys, as a column of JSON does.
func canonicalJSON(text string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return text
	}
	again, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(again)
}

// momentForms are how ends write moments; those without a zone are in UTC.
var momentForms = []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02"}

func parseMoment(text string) (time.Time, bool) {
	for _, form := range momentForms {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// fingerprints make short marks of keys and rows, by seeds of this process. Two
// that differ have one key in 2^128, or one row in 2^64.
type fingerprints struct{ first, second maphash.Seed }

func newFingerprints() fingerprints {
	return fingerprints{maphash.MakeSeed(), maphash.MakeSeed()}
}

type mark [2]uint64

func (f fingerprints) key(text string) mark {
	return mark{maphash.String(f.first, text), maphash.String(f.second, text)}
}

// row is the mark of values, which are canonical.
func (f fingerprints) row(values []destination.Value) uint64 {
	var h maphash.Hash
	h.SetSeed(f.first)
	for _, v := range values {
		if v.Null {
			_ = h.WriteByte(0) // never fails
			continue
		}
		_ = h.WriteByte(1)
		maphash.WriteComparable(&h, len(v.Text))
		_, _ = h.WriteString(v.Text)
	}
	return h.Sum64()
}

// isJSON says whether a type of a column keeps the meaning of a text of JSON
// alone, not its form.
func isJSON(column string) bool {
	return strings.EqualFold(column, "json") || strings.EqualFold(column, "jsonb")
}
