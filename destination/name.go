package destination

import (
	"fmt"
	"strings"
)

// TableName is a table in a schema of the destination. Both parts are plain
// text, unquoted.
type TableName struct{ Schema, Table string }

// String is the name as a user writes it.
func (n TableName) String() string { return n.Schema + "." + n.Table }

// ParseTableName reads "table" or "schema.table". The schema is the given one
// when s names none. A part in double quotes may hold dots.
func ParseTableName(s, schema string) (TableName, error) {
	parts, err := splitName(s)
	if err != nil {
		return TableName{}, err
	}
	switch len(parts) {
	case 1:
		return TableName{schema, parts[0]}, nil
	case 2:
		return TableName{parts[0], parts[1]}, nil
	default:
		return TableName{}, &Error{
			Err:   fmt.Errorf("table name %q has %d parts", s, len(parts)),
			Mend:  "write schema.table, or \"a.b\".\"c.d\" when a name itself holds a dot",
			Usage: true,
		}
	}
}

func splitName(s string) ([]string, error) {
	bad := &Error{
		Err:   fmt.Errorf("table name %q is empty or not closed", s),
		Mend:  "write schema.table, for example public.account",
		Usage: true,
	}
	var parts []string
	for rest := s; ; {
		var part string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			var end int
			part, end = unquote(quoted)
			if end < 0 {
				return nil, bad
			}
			rest = quoted[end:]
		} else {
			i := strings.IndexByte(rest, '.')
			if i < 0 {
				i = len(rest)
			}
			part, rest = rest[:i], rest[i:]
		}
		if part == "" || strings.ContainsRune(part, 0) {
			return nil, bad
		}
		parts = append(parts, part)
		if rest == "" {
			return parts, nil
		}
		if rest[0] != '.' {
			return nil, bad
		}
		rest = rest[1:]
	}
}

// unquote reads up to the closing quote of s, two quotes standing for one, and
// returns the text and where it ended; -1 when it never did.
func unquote(s string) (string, int) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), i + 1
	}
	return "", -1
}
