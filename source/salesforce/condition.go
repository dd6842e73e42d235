package salesforce

import (
	"fmt"
	"strings"
	"unicode"

	"sluice/source"
)

// checkCondition refuses what would not stay inside of its parentheses: a
// condition that a user wrote goes into a query as it stands. Whether it makes
// sense is for the org to say.
func checkCondition(text string) (string, error) {
	text = strings.TrimSpace(text)
	if word, rest, _ := strings.Cut(text, " "); strings.EqualFold(word, "WHERE") {
		text = strings.TrimSpace(rest)
	}
	refuse := func(why string) (string, error) {
		return "", &source.Error{
			Kind: source.BadRequest, Err: fmt.Errorf("the condition %s", why),
			Mend: "write what stands after WHERE in SOQL: \"Type = 'Customer' AND CreatedDate >= 2026-01-01T00:00:00Z\"",
		}
	}
	if text == "" {
		return refuse("is empty")
	}
	depth, quoted, escaped := 0, false, false
	for _, c := range text {
		switch {
		case unicode.IsControl(c):
			return refuse("holds a control character")
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '\''
		case c == '\'':
			quoted = true
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return refuse("closes a parenthesis that it did not open")
			}
		}
	}
	switch {
	case quoted:
		return refuse("ends inside of a text: a quote is missing")
	case depth > 0:
		return refuse("leaves a parenthesis open")
	}
	return text, nil
}
