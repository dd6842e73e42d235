// Package uri reads the addresses that a user gives: which system, where, and
// how to get in. It keeps what is secret in them out of every text.
package uri

import (
	"fmt"
	"log/slog"
	"strings"
)

// Error is an address that cannot be used. It never holds a value of the
// address that could be secret.
type Error struct {
	// Text is what is wrong; Mend is the right form.
	Text, Mend string
}

func (e *Error) Error() string { return e.Text }

// Hint shows the right form.
func (e *Error) Hint() string { return e.Mend }

// Secret is a text that shows itself as *** wherever it is printed (P10).
type Secret string

const masked = "***"

// Reveal gives the text itself, for the request that needs it.
func (s Secret) Reveal() string { return string(s) }

func (Secret) String() string { return masked }

// GoString masks the secret where Format is not asked.
func (Secret) GoString() string { return masked }

// MarshalText masks the secret in JSON, YAML and XML.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Format masks the secret under every verb, %x and %q included.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// LogValue masks the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// Scheme gives what stands before "://", in lower case; or before the ":" at the
// end of an address that is nothing but a scheme.
func Scheme(raw string) (string, error) {
	scheme, _, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, ok = strings.CutSuffix(raw, ":")
	}
	if !ok || !isScheme(scheme) {
		return "", &Error{"the address has no scheme", "write it like salesforce://?access_token=…&domain=your-domain.my or duckdb:///crm.db"}
	}
	return strings.ToLower(scheme), nil
}

func isScheme(s string) bool {
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && c != '+' && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// after gives what stands behind "scheme://".
func after(raw, scheme, form string) (string, error) {
	got, err := Scheme(raw)
	if err != nil {
		return "", err
	}
	if got != scheme {
		return "", &Error{fmt.Sprintf("the address begins with %s://, not with %s://", got, scheme), form}
	}
	_, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "", &Error{"the address ends after its scheme", form}
	}
	return rest, nil
}
