package salesforce

import (
	"errors"
	"math"
	"strconv"
	"unsafe"
)

// The parsers below read values in every form that REST JSON and Bulk CSV
// give them. They reject what they do not know, they never guess.

// errValue is the reason of every refusal: the text is not of the type that
// describe gave for the field.
var errValue = errors.New("not a value of its type")

// parseBool reads true and false. CSV and JSON agree on them.
func parseBool(b []byte) (bool, error) {
	switch string(b) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errValue
}

// parseInt reads a whole number, also written as 47.0 or 1E3: number fields
// without decimals come that way when the org stores them as doubles.
func parseInt(b []byte) (int64, error) {
	if n, ok := parseDigits(b); ok {
		return n, nil
	}
	f, err := parseFloat(b)
	// Beyond 2^53 a double no longer tells neighbours apart.
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, errValue
	}
	return int64(f), nil
}

// parseDigits reads an optional sign and decimal digits that fit in an int64.
func parseDigits(b []byte) (int64, bool) {
	n, err := strconv.ParseInt(text(b), 10, 64)
	return n, err == nil && b[0] != '+'
}

// parseFloat reads a finite number, exponent form included: Salesforce writes
// doubles as Java's Double.toString does (1.39E8).
func parseFloat(b []byte) (float64, error) {
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, errValue
		}
	}
	f, err := strconv.ParseFloat(text(b), 64)
	if err != nil {
		return 0, errValue
	}
	return f, nil
}

// parseDate reads YYYY-MM-DD as days since 1970-01-01, in the proleptic
// Gregorian calendar. The year may have more than four digits.
func parseDate(b []byte) (int32, error) {
	days, rest, ok := scanDate(b)
	if !ok || len(rest) != 0 {
		return 0, errValue
	}
	return int32(days), nil
}

// parseStamp reads an ISO 8601 instant as microseconds since 1970 in UTC. The
// offset is Z (Bulk), +0000 (REST) or any other; a missing one is refused.
// Digits alone are epoch milliseconds, as Bulk 1.0 JSON gives them.
func parseStamp(b []byte) (int64, error) {
	days, rest, ok := scanDate(b)
	if !ok {
		if ms, digits := parseDigits(b); digits && ms > -1<<52 && ms < 1<<52 {
			return ms * 1000, nil
		}
		return 0, errValue
	}
	if len(rest) == 0 || rest[0] != 'T' && rest[0] != ' ' {
		return 0, errValue
	}
	micros, rest, ok := scanClock(rest[1:])
	if !ok {
		return 0, errValue
	}
	offset, ok := scanOffset(rest)
	if !ok {
		return 0, errValue
	}
	return days*86400e6 + micros - offset*60e6, nil
}

// parseTime reads hh:mm:ss with optional fraction and Z as microseconds since
// midnight.
func parseTime(b []byte) (int64, error) {
	micros, rest, ok := scanClock(b)
	if !ok || len(rest) > 1 || len(rest) == 1 && rest[0] != 'Z' {
		return 0, errValue
	}
	return micros, nil
}

// scanDate reads a date at the start of b as days since 1970-01-01.
func scanDate(b []byte) (days int64, rest []byte, ok bool) {
	sign := int64(1)
	if len(b) > 0 && b[0] == '-' {
		sign, b = -1, b[1:]
	}
	year, n := int64(0), 0
	for n < len(b) && n < 7 && isDigit(b[n]) {
		year = year*10 + int64(b[n]-'0')
		n++
	}
	if n < 4 || len(b) < n+6 || b[n] != '-' || b[n+3] != '-' {
		return 0, nil, false
	}
	month, ok1 := twoDigits(b[n+1:])
	day, ok2 := twoDigits(b[n+4:])
	year *= sign
	if !ok1 || !ok2 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, nil, false
	}
	return civilDays(year, month, day), b[n+6:], true
}

// scanClock reads hh:mm:ss[.fraction] at the start of b as microseconds.
// Digits beyond the sixth must be zero: they would be lost.
func scanClock(b []byte) (micros int64, rest []byte, ok bool) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return 0, nil, false
	}
	h, ok1 := twoDigits(b)
	m, ok2 := twoDigits(b[3:])
	s, ok3 := twoDigits(b[6:])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 59 {
		return 0, nil, false
	}
	micros = ((h*60+m)*60 + s) * 1e6
	b = b[8:]
	if len(b) == 0 || b[0] != '.' {
		return micros, b, true
	}
	unit := int64(100000)
	n := 1
	for n < len(b) && isDigit(b[n]) {
		digit := int64(b[n] - '0')
		if unit == 0 && digit != 0 {
			return 0, nil, false
		}
		micros += digit * unit
		unit /= 10
		n++
	}
	return micros, b[n:], n > 1
}

// scanOffset reads Z, +hhmm or +hh:mm, all of b, as minutes east of UTC.
func scanOffset(b []byte) (minutes int64, ok bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) == 6 && b[3] == ':' {
		b = []byte{b[0], b[1], b[2], b[4], b[5]}
	}
	if len(b) != 5 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, ok1 := twoDigits(b[1:])
	m, ok2 := twoDigits(b[3:])
	if !ok1 || !ok2 || h > 18 || m > 59 {
		return 0, false
	}
	minutes = h*60 + m
	if b[0] == '-' {
		minutes = -minutes
	}
	return minutes, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// twoDigits reads the first two bytes of b, which has at least two.
func twoDigits(b []byte) (int64, bool) {
	return int64(b[0]-'0')*10 + int64(b[1]-'0'), isDigit(b[0]) && isDigit(b[1])
}

var monthDays = [...]int64{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func daysIn(year, month int64) int64 {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return monthDays[month-1]
}

// civilDays counts days from 1970-01-01. Years start in March here, so that
// the leap day comes last (H. Hinnant, "chrono-Compatible Low-Level Date
// Algorithms").
func civilDays(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146097 + dayOfEra - 719468
}

// text views b as a string for the strconv functions, which do not keep it.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
