package soql

import "strings"

// kind of a token.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenNumber // also dates: whatever begins with a digit or a sign
	tokenString
	tokenMark // ( ) , = != < > <= >= . :
)

type token struct {
	kind tokenKind
	pos  int
	text string // as written; of a string what is between the quotes
}

// is compares a word without regard to case, and a mark.
func (t token) is(text string) bool {
	return (t.kind == tokenWord || t.kind == tokenMark) && strings.EqualFold(t.text, text)
}

func wordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// next reads the token at or behind i and gives where it ends.
func next(text string, i int) (token, int, *Error) {
	for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
		i++
	}
	if i == len(text) {
		return token{tokenEnd, i, ""}, i, nil
	}
	start, c := i, text[i]
	switch {
	case c == '\'':
		return quoted(text, i)
	case c >= '0' && c <= '9', (c == '-' || c == '+') && i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9':
		for i++; i < len(text) && (wordByte(text[i]) || strings.IndexByte("-+:.", text[i]) >= 0); i++ {
		}
		return token{tokenNumber, start, text[start:i]}, i, nil
	case wordByte(c):
		for i++; i < len(text) && (wordByte(text[i]) || text[i] == '.' && i+1 < len(text) && wordByte(text[i+1])); i++ {
		}
		// A span: LAST_N_DAYS:7.
		if i+1 < len(text) && text[i] == ':' && text[i+1] >= '0' && text[i+1] <= '9' {
			for i++; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
			}
		}
		return token{tokenWord, start, text[start:i]}, i, nil
	}
	for _, mark := range []string{"!=", "<=", ">=", "<>", "(", ")", ",", "=", "<", ">", ":"} {
		if strings.HasPrefix(text[i:], mark) {
			return token{tokenMark, start, mark}, i + len(mark), nil
		}
	}
	return token{}, i, noViable(text, i)
}

// quoted reads a string up to its closing quote.
func quoted(text string, i int) (token, int, *Error) {
	for j := i + 1; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case '\'':
			return token{tokenString, i, text[i+1 : j]}, j + 1, nil
		}
	}
	return token{}, i, lexical(text, i, "mismatched character '<EOF>' expecting '''")
}
