package uri

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// params are the parameters of an address by name.
type params map[string]string

// parseParams reads name=value pairs joined by "&". Unlike a web form, a "+"
// stands for itself: passwords and tokens hold it, and none holds a blank that
// somebody has written that way. Everything else that cannot be meant as it
// stands is refused, naming the parameter.
func parseParams(query string, known []string, form string) (params, error) {
	p := params{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, assigned := strings.Cut(pair, "=")
		if !slices.Contains(known, name) {
			return nil, unknownParam(name, assigned, p, known, form)
		}
		if _, twice := p[name]; twice {
			return nil, &Error{fmt.Sprintf("parameter %s is given twice", name), form}
		}
		text, ok := unescape(value)
		switch {
		case !ok:
			return nil, &Error{
				fmt.Sprintf("parameter %s holds a %% that is not followed by two hex digits", name),
				"percent-encode the value: % is %25, & is %26, # is %23, a blank is %20",
			}
		case strings.ContainsAny(value, " \t\r\n#"):
			return nil, &Error{
				fmt.Sprintf("parameter %s holds a blank, a line end or a # that is not percent-encoded", name),
				"percent-encode the value (a blank is %20, # is %23), and check for a line end that was pasted along",
			}
		case text == "":
			return nil, &Error{fmt.Sprintf("parameter %s is empty", name), form}
		}
		p[name] = text
	}
	return p, nil
}

// unknownParam refuses a name that no address has. A piece without "=" behind
// a value is most likely the rest of a secret with a bare "&" in it, so it is
// not shown.
func unknownParam(name string, assigned bool, before params, known []string, form string) error {
	if near := nearest(name, known); near != "" && assigned {
		return &Error{fmt.Sprintf("unknown parameter %s", name), "did you mean " + near + "?"}
	}
	if len(before) > 0 && (!assigned || !slices.ContainsFunc([]byte(name), func(c byte) bool { return c == '_' })) {
		return &Error{
			"a parameter before an & is cut off: what follows it is no known parameter",
			"if a value holds &, write it as %26; the parameters are " + strings.Join(known, ", "),
		}
	}
	return &Error{"the address has an unknown parameter", form + "; the parameters are " + strings.Join(known, ", ")}
}

// nearest is the known name that s most likely was meant to be, "" when none
// is near.
func nearest(s string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(s, k); d < least && d < len(k)/2 {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to insert, drop or change to make b from a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// unescape replaces %XX; !ok when a % is followed by anything else.
func unescape(s string) (text string, ok bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}
