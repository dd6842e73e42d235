package fakeorg

import (
	"strconv"
	"unicode/utf8"
)

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// appendJSON writes a cell as REST does.
func appendJSON(b []byte, v value, plain bool) []byte {
	switch v.kind {
	case kindText:
		return appendString(b, v.s)
	case kindID:
		return append(append(append(b, '"'), v.s...), '"')
	case kindBool:
		return strconv.AppendBool(b, v.num != 0)
	case kindInt:
		return appendInt(b, v.num)
	case kindDouble:
		if plain {
			return appendPlain(b, v.f)
		}
		return appendDouble(b, v.f)
	case kindDate:
		return append(appendDate(append(b, '"'), v.num), '"')
	case kindDateTime:
		return append(appendStamp(append(b, '"'), v.num, "+0000"), '"')
	case kindTime:
		return append(appendClock(append(b, '"'), v.num), `Z"`...)
	default:
		return append(b, "null"...)
	}
}

const hexDigits = "0123456789abcdef"

// appendString quotes s for JSON, U+2028 and U+2029 escaped as Java writers do.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == '\u2028' || r == '\u2029' {
				b = append(b, s[start:i]...)
				b = append(b, `\u202`...)
				b = append(b, hexDigits[r&15])
				start = i + size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		b = appendEscape(b, c)
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}
