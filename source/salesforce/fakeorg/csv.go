package fakeorg

import "strings"

// csvDialect is how Bulk API 2.0 writes CSV: every value quoted, quotes
// doubled, null as "".
type csvDialect struct {
	delimiter byte
	lineEnd   string
}

var delimiters = map[string]byte{"BACKQUOTE": '`', "CARET": '^', "COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "TAB": '\t'}

var lineEnds = map[string]string{"LF": "\n", "CRLF": "\r\n"}

func (d csvDialect) header(b []byte, names []string) []byte {
	for i, name := range names {
		if i > 0 {
			b = append(b, d.delimiter)
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"')
	}
	return append(b, d.lineEnd...)
}

// row appends one line.
func (d csvDialect) row(b []byte, v *view, row uint32, columns []column) []byte {
	for i := range columns {
		if i > 0 {
			b = append(b, d.delimiter)
		}
		b = append(b, '"')
		b = appendCSV(b, columns[i].value(v, row))
		b = append(b, '"')
	}
	return append(b, d.lineEnd...)
}

func appendCSV(b []byte, v value) []byte {
	switch v.kind {
	case kindText:
		return appendQuotes(b, v.s)
	case kindID:
		return append(b, v.s...)
	case kindBool:
		if v.num != 0 {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case kindInt:
		return appendInt(b, v.num)
	case kindDouble:
		return appendDouble(b, v.f)
	case kindDate:
		return appendDate(b, v.num)
	case kindDateTime:
		return appendStamp(b, v.num, "Z")
	case kindTime:
		return append(appendClock(b, v.num), 'Z')
	default:
		return b
	}
}

// appendQuotes doubles the quotes of s.
func appendQuotes(b []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return append(b, s...)
		}
		b = append(b, s[:i+1]...)
		b = append(b, '"')
		s = s[i+1:]
	}
}
