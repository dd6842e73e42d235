package soql

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// maxString is how long a string in a WHERE may be.
const maxString = 4000

// literal reads a value; in a LIKE the wildcards of a string are kept apart
// from the same characters escaped.
func (p *parser) literal(like bool) Literal {
	l := Literal{Pos: p.tok.pos, Text: p.tok.text}
	switch p.tok.kind {
	case tokenString:
		l.Kind = String
		p.unescape(&l, p.tok.text, like)
	case tokenNumber:
		p.numeric(&l)
	case tokenWord:
		p.word(&l)
	default:
		p.unexpected()
	}
	p.advance()
	return l
}

func (p *parser) unescape(l *Literal, raw string, like bool) {
	if len(raw) > maxString {
		p.fail(l.Pos, "MALFORMED_QUERY", "string literal in the WHERE clause is longer than 4000 characters")
		return
	}
	var b strings.Builder
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRuneInString(raw[i:])
		wild := r
		if r == '\\' {
			var n int
			if r, n = escape(raw[i+1:], like); n == 0 {
				p.fail(l.Pos+1+i, "MALFORMED_QUERY", "Illegal character sequence '"+raw[i:min(i+2, len(raw))]+"' in the string literal")
				return
			}
			size += n
		}
		switch {
		case like && wild == '%':
			l.Like = append(l.Like, Any)
		case like && wild == '_':
			l.Like = append(l.Like, One)
		default:
			l.Like = append(l.Like, r)
		}
		b.WriteRune(r)
		i += size
	}
	l.Text = b.String()
}

// The escapes of a string besides \u; letters may be upper case too.
var escapes = map[byte]rune{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f', '"': '"', '\'': '\'', '\\': '\\'}

// escape reads what follows a backslash: the rune, and how many bytes it took,
// 0 when there is no such escape.
func escape(s string, like bool) (rune, int) {
	if s == "" {
		return 0, 0
	}
	c := s[0]
	if c >= 'A' && c <= 'Z' {
		c |= 0x20
	}
	switch {
	case like && (c == '%' || c == '_'):
		return rune(c), 1
	case c == 'u':
		return character(s)
	}
	if r, ok := escapes[c]; ok {
		return r, 1
	}
	return 0, 0
}

// character reads uXXXX, or the two halves of a character as uXXXX\uXXXX.
func character(s string) (rune, int) {
	first, ok := half(s)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(first):
		return first, 5
	case len(s) < 6 || s[5] != '\\':
		return 0, 0
	}
	second, _ := half(s[6:])
	if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
		return r, 11
	}
	return 0, 0
}

func half(s string) (rune, bool) {
	if len(s) < 5 || s[0]|0x20 != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(n), err == nil
}

var (
	dateForm     = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	dateTimeForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$`)
	zonelessForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$`)
	numberForm   = regexp.MustCompile(`^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$`)
)

func (p *parser) numeric(l *Literal) {
	var err error
	switch {
	case dateForm.MatchString(l.Text):
		l.Kind = Date
		l.Time, err = time.Parse(time.DateOnly, l.Text)
	case dateTimeForm.MatchString(l.Text):
		l.Kind = DateTime
		l.Time, err = time.Parse(time.RFC3339, l.Text)
		l.Time = l.Time.UTC()
	case numberForm.MatchString(l.Text):
		l.Kind = Number
		l.Num, err = strconv.ParseFloat(l.Text, 64)
	case zonelessForm.MatchString(l.Text):
		// What a "+" that was not encoded in the URL comes to.
		p.bad = noViable(p.text, l.Pos+len(l.Text))
		return
	default:
		p.unexpected()
		return
	}
	if err != nil {
		p.fail(l.Pos, "MALFORMED_QUERY", "Invalid date: "+l.Text)
	}
}

// word reads null, a boolean, a named span of time, or a currency amount.
func (p *parser) word(l *Literal) {
	upper := strings.ToUpper(l.Text)
	name, number, counted := strings.Cut(upper, ":")
	switch {
	case upper == "NULL":
	case upper == "TRUE", upper == "FALSE":
		l.Kind, l.Bool = Bool, upper == "TRUE"
	case spans[name] && counted == takesNumber(name):
		l.Kind, l.Name = Span, name
		n, err := strconv.Atoi(number)
		if counted && (err != nil || n < 1) {
			p.unexpected()
		}
		l.N = n
	case len(upper) > 3 && numberForm.MatchString(upper[3:]) && upper[2] >= 'A':
		l.Kind = Number
		l.Num, _ = strconv.ParseFloat(upper[3:], 64)
	default:
		p.unexpected()
	}
}

// takesNumber tells LAST_N_DAYS:7 from LAST_90_DAYS.
func takesNumber(span string) bool {
	return strings.HasPrefix(span, "N_") || strings.Contains(span, "_N_")
}
