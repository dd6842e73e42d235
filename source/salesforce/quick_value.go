package salesforce

import (
	"encoding/binary"
)

// The parsers below read the value at the start of p in its most frequent form
// and return how many bytes it takes. They return 0 for any other form, which
// the parsers of value.go may know; what stands behind the value is left to the
// caller. p has quickMargin bytes at least.

// exactPowers are the powers of ten that a float64 holds exactly.
var exactPowers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// quickNumber reads a number of up to 18 digits as digits * 10^exponent.
func quickNumber(p []byte) (digits int64, exponent int, negative bool, n int) {
	i := 0
	if p[0] == '-' {
		negative = true
		i = 1
	}
	first := i
	for i < first+18 && isDigit(p[i]) {
		digits = digits*10 + int64(p[i]-'0')
		i++
	}
	if i == first {
		return 0, 0, false, 0
	}
	if p[i] == '.' {
		point := i
		for i++; i <= first+18 && isDigit(p[i]); i++ {
			digits = digits*10 + int64(p[i]-'0')
		}
		if exponent = point + 1 - i; exponent == 0 {
			return 0, 0, false, 0
		}
	}
	if p[i] == 'E' || p[i] == 'e' {
		i++
		minus := p[i] == '-'
		if minus || p[i] == '+' {
			i++
		}
		power := 0
		from := i
		for i < from+3 && isDigit(p[i]) {
			power = power*10 + int(p[i]-'0')
			i++
		}
		if i == from {
			return 0, 0, false, 0
		}
		if minus {
			power = -power
		}
		exponent += power
	}
	return digits, exponent, negative, i
}

// quickInt reads a whole number, 47 or 47.0.
func quickInt(p []byte) (v int64, n int) {
	v, exponent, negative, n := quickNumber(p)
	if v > 1<<53 {
		return 0, 0
	}
	for ; exponent < 0 && v%10 == 0; exponent++ {
		if v == 0 {
			exponent = 0
			break
		}
		v /= 10
	}
	if exponent != 0 {
		return 0, 0
	}
	if negative {
		v = -v
	}
	return v, n
}

// quickFloat reads a number whose digits and power of ten a float64 holds
// exactly, so that their product or quotient is rounded once, as it has to be
// (W. D. Clinger, "How to Read Floating Point Numbers Accurately").
func quickFloat(p []byte) (f float64, n int) {
	digits, exponent, negative, n := quickNumber(p)
	if digits > 1<<53 || exponent < -22 || exponent > 22 {
		return 0, 0
	}
	f = float64(digits)
	if exponent < 0 {
		f /= exactPowers[-exponent]
	} else {
		f *= exactPowers[exponent]
	}
	if negative {
		f = -f
	}
	return f, n
}

// pattern is eight bytes of a form: digits where it has zeroes, and otherwise
// what it has.
type pattern struct{ text, room, mask uint64 }

func patternOf(form string) (f pattern) {
	f.text = binary.LittleEndian.Uint64([]byte(form))
	for i := range 8 {
		if form[i] == '0' {
			f.room |= 0x06 << (8 * i)
			f.mask |= 0xf0 << (8 * i)
		} else {
			f.mask |= 0xff << (8 * i)
		}
	}
	return f
}

// match gives, for each digit in p, the number of two digits that begins at
// it; ok is false when p has not the form.
func (f pattern) match(p []byte) (pairs uint64, ok bool) {
	digits := binary.LittleEndian.Uint64(p) ^ f.text
	return digits*10 + digits>>8, (digits|(digits+f.room))&f.mask == 0
}

// pair is the number that begins at byte i of what a pattern matched.
func pair(pairs uint64, i int) int64 { return int64(uint8(pairs >> (8 * i))) }

var (
	yearMonth  = patternOf("0000-00-")
	dayHour    = patternOf("00T00:00")
	secondZ    = patternOf(":00.000Z")
	secondPlus = patternOf(":00.000+")
)

// quickDate reads a date of the years 0000 to 9999 as days since 1970-01-01.
func quickDate(p []byte) (days int64, n int) {
	pairs, ok := yearMonth.match(p)
	day, digits := twoDigits(p[8:])
	if !ok || !digits {
		return 0, 0
	}
	if days, ok = quickDays(pairs, day); !ok {
		return 0, 0
	}
	return days, 10
}

func quickDays(pairs uint64, day int64) (days int64, ok bool) {
	year, month := pair(pairs, 0)*100+pair(pairs, 2), pair(pairs, 5)
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return civilDays(year, month, day), true
}

// quickStamp reads an instant in UTC with milliseconds as microseconds since
// 1970, 2026-05-01T07:25:37.123Z or the same with +0000.
func quickStamp(p []byte) (micros int64, n int) {
	date, ok1 := yearMonth.match(p)
	hours, ok2 := dayHour.match(p[8:])
	seconds, ok3 := secondZ.match(p[16:])
	n = 24
	if !ok3 {
		seconds, ok3 = secondPlus.match(p[16:])
		ok3 = ok3 && string(p[24:28]) == "0000"
		n = 28
	}
	days, ok4 := quickDays(date, pair(hours, 0))
	hour, minute, second := pair(hours, 3), pair(hours, 6), pair(seconds, 1)
	if !ok1 || !ok2 || !ok3 || !ok4 || hour > 23 || minute > 59 || second > 59 {
		return 0, 0
	}
	millis := pair(seconds, 4)*10 + int64(p[22]-'0')
	return days*86400e6 + ((hour*60+minute)*60+second)*1e6 + millis*1e3, n
}
