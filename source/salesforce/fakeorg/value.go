package fakeorg

import "time"

// kind is what a value is, whatever the name of the field's type.
type kind uint8

const (
	kindNull kind = iota
	kindText
	kindID // text of 18 characters that needs no quoting
	kindBool
	kindInt
	kindDouble
	kindDate     // ms since 1970 at midnight UTC
	kindDateTime // ms since 1970
	kindTime     // ms since midnight
)

// value is one cell. num holds bools, ints, dates and times, f holds doubles.
type value struct {
	kind kind
	num  int64
	f    float64
	s    string
}

func textValue(s string) value    { return value{kind: kindText, s: s} }
func idValue(s string) value      { return value{kind: kindID, s: s} }
func intValue(n int64) value      { return value{kind: kindInt, num: n} }
func doubleValue(f float64) value { return value{kind: kindDouble, f: f} }
func dateValue(ms int64) value    { return value{kind: kindDate, num: ms - mod(ms, msPerDay)} }
func stampValue(ms int64) value   { return value{kind: kindDateTime, num: ms} }
func timeValue(ms int64) value    { return value{kind: kindTime, num: ms} }

func boolValue(b bool) value {
	if b {
		return value{kind: kindBool, num: 1}
	}
	return value{kind: kindBool}
}

const msPerDay = 24 * 60 * 60 * 1000

func mod(a, b int64) int64 { return ((a % b) + b) % b }

// Date is a day without a time: midnight UTC.
type Date struct{ time.Time }

// canonical is the value as Go programs know it: nil, string, bool, int64,
// float64, Date, time.Time in UTC or time.Duration since midnight.
func (v value) canonical() any {
	switch v.kind {
	case kindText, kindID:
		return v.s
	case kindBool:
		return v.num != 0
	case kindInt:
		return v.num
	case kindDouble:
		return v.f
	case kindDate:
		return Date{time.UnixMilli(v.num).UTC()}
	case kindDateTime:
		return time.UnixMilli(v.num).UTC()
	case kindTime:
		return time.Duration(v.num) * time.Millisecond
	default:
		return nil
	}
}
