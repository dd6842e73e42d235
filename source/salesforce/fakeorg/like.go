package fakeorg

import (
	"unicode"

	"sluice/source/salesforce/fakeorg/soql"
)

// like matches a text with a pattern, whatever the case. Of several wildcards
// only the last one has to be tried again.
func like(pattern, text []rune) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == soql.Any:
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == soql.One || unicode.ToUpper(pattern[p]) == unicode.ToUpper(text[t])):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == soql.Any {
		p++
	}
	return p == len(pattern)
}
