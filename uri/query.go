package uri

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// params are the parameters of an address by name.
type params map[string]string

// parseParams reads name=value pairs joined by "&". Unlike a web form, a "+"
// stands for itself: passwords and tokens hold it, and none holds a blank that
// somebody has written that way. What cannot be meant as it stands is refused,
// naming the parameter.
func parseParams(query string, known []string, form string) (params, error) {
	p := params{}
	if query == "" {
		return p, nil
	}
	last := ""
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if !slices.Contains(known, name) {
			return nil, unknownParam(name, last, known)
		}
		if _, twice := p[name]; twice {
			return nil, &Error{fmt.Sprintf("parameter %s is given twice", name), form}
		}
		text, err := parseValue(name, value)
		if err == nil {
			text, err = refer(name, value, text)
		}
		if err != nil {
			return nil, err
		}
		if text == "" {
			return nil, &Error{fmt.Sprintf("parameter %s is empty", name), form}
		}
		p[name], last = text, name
	}
	return p, nil
}

// parseValue decodes the value of a parameter.
func parseValue(name, value string) (string, error) {
	if strings.ContainsAny(value, " \t\r\n#") {
		return "", &Error{
			fmt.Sprintf("parameter %s holds a blank, a line end or a # that is not percent-encoded", name),
			"percent-encode the value (a blank is %20, # is %23), and check for a line end that was pasted along",
		}
	}
	text, ok := unescape(value)
	if !ok {
		return "", &Error{
			fmt.Sprintf("parameter %s holds a %% that is not followed by two hex digits", name),
			"percent-encode the value: % is %25, & is %26, # is %23, a blank is %20",
		}
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", &Error{
			fmt.Sprintf("parameter %s holds a control character or what is no UTF-8", name),
			"percent-encode the bytes of the value in UTF-8, without a line end",
		}
	}
	return text, nil
}

// foreign are names that other tools have for parameters of ours.
var foreign = map[string]string{
	"consumer_key": "client_id", "consumer_secret": "client_secret",
	"host": "domain", "instance": "domain", "instance_url": "domain", "login_url": "domain", "sandbox": "domain=test",
	"pass": "password", "security_token": "token", "session_id": "access_token", "user": "username", "version": "api_version",
}

// unknownParam refuses a name that no address has. The name is shown only when
// it resembles a known one: it may as well be the rest of a secret with a bare
// "&" in it.
func unknownParam(name, last string, known []string) error {
	near := foreign[name]
	if near == "" {
		near = nearest(name, known)
	}
	all := "the parameters are " + strings.Join(known, ", ")
	switch {
	case near != "":
		return &Error{fmt.Sprintf("unknown parameter %s", name), "did you mean " + near + "?"}
	case last != "":
		return &Error{
			"unknown parameter after " + last,
			fmt.Sprintf("if it is the rest of the value of %s, write the & in it as %%26; %s", last, all),
		}
	}
	return &Error{"the first parameter is unknown", all}
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
