package fakeorg

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Raw is put into a field as it stands, whatever the field's type: for values
// that contradict the describe.
type Raw string

// cellOf turns what a test wrote into a cell of a field.
func cellOf(f *Field, v any) (value, error) {
	switch v := v.(type) {
	case nil:
		return f.empty(), nil
	case Raw:
		return textValue(string(v)), nil
	case bool:
		if f.kind() == kindBool {
			return boolValue(v), nil
		}
	case int:
		return numberCell(f, float64(v))
	case int64:
		return numberCell(f, float64(v))
	case float64:
		return numberCell(f, v)
	case json.Number:
		n, err := v.Float64()
		if err != nil {
			return value{}, err
		}
		return numberCell(f, n)
	case time.Duration:
		if f.kind() == kindTime {
			return timeValue(v.Milliseconds()), nil
		}
	case Date:
		return cellOf(f, v.Time)
	case time.Time:
		switch f.kind() {
		case kindDate:
			return dateValue(v.UnixMilli()), nil
		case kindDateTime:
			return stampValue(v.UnixMilli() - mod(v.UnixMilli(), 1000)), nil
		default:
		}
	case string:
		return parseCell(f, v)
	}
	return value{}, fmt.Errorf("a %T does not fit %s, which is %s", v, f.Name, f.Type)
}

func numberCell(f *Field, n float64) (value, error) {
	switch {
	case f.kind() == kindDouble:
		return doubleValue(n), nil
	case f.kind() == kindInt && n == math.Trunc(n) && math.Abs(n) < 1<<53:
		return intValue(int64(n)), nil
	default:
		return value{}, fmt.Errorf("%v does not fit %s, which is %s", n, f.Name, f.Type)
	}
}

// parseCell reads a text as the API takes it. Salesforce stores no empty texts.
func parseCell(f *Field, s string) (value, error) {
	bad := fmt.Errorf("'%s' is not a valid value for %s", s, f.Name)
	switch {
	case s == "":
		return f.empty(), nil
	case f.kind() == kindText:
		return textValue(s), nil
	}
	switch f.kind() {
	case kindID:
		if !wellFormedID(s) {
			return value{}, bad
		}
		return idValue(string(appendChecksum([]byte(s[:15]), 0))), nil
	case kindBool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return value{}, bad
		}
		return boolValue(b), nil
	case kindInt, kindDouble:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return value{}, bad
		}
		return numberCell(f, n)
	case kindDate:
		return parseStamp(s, bad, dateValue, time.DateOnly)
	case kindTime:
		return parseStamp(strings.TrimSuffix(s, "Z"), bad, func(ms int64) value { return timeValue(mod(ms, msPerDay)) }, "15:04:05.000")
	default:
		return parseStamp(s, bad, func(ms int64) value { return stampValue(ms - mod(ms, 1000)) },
			time.RFC3339, "2006-01-02T15:04:05.000-0700", time.DateOnly)
	}
}

func parseStamp(s string, bad error, build func(ms int64) value, layouts ...string) (value, error) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return build(t.UnixMilli()), nil
		}
	}
	return value{}, bad
}
