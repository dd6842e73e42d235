package uri

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// maxReferred is more than any password or token has.
const maxReferred = 64 << 10

// referring are the parameters that may name where their value is, so that it
// stands in no command line: "@FILE" or "env:NAME". A value that begins so and
// is meant as it stands has the @ or the : percent-encoded.
var referring = []string{"access_token", "username", "password", "token", "client_id", "client_secret"}

// refer gives the value that a parameter names, or text, its decoded value,
// when raw names none.
func refer(name, raw, text string) (string, error) {
	if !slices.Contains(referring, name) {
		return text, nil
	}
	switch {
	case strings.HasPrefix(raw, "env:"):
		value := os.Getenv(strings.TrimPrefix(text, "env:"))
		if value == "" {
			return "", &Error{
				fmt.Sprintf("parameter %s names an environment variable that is not set", name),
				"set and export the variable, or write a value that begins with env: as env%3A",
			}
		}
		return checkReferred(name, "the environment variable", value)
	case strings.HasPrefix(raw, "@"):
		value, err := readReferred(text[1:])
		if err != nil {
			return "", &Error{
				fmt.Sprintf("parameter %s names a file that cannot be read: %s", name, plainReason(err)),
				"check the path after @, or write a value that begins with @ as %40",
			}
		}
		return checkReferred(name, "the file", value)
	}
	return text, nil
}

// readReferred reads a short file; it need not be a plain one, as <(command) of
// a shell is none.
func readReferred(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxReferred+1))
	if len(b) > maxReferred {
		err = errors.New("it is too long for a secret")
	}
	return string(b), err
}

// plainReason is an error without the path, which may be a secret that began
// with @.
func plainReason(err error) string {
	var errno syscall.Errno
	var path *fs.PathError
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return err.Error()
}

// checkReferred takes the line end off that editors add, and refuses what
// cannot be a secret.
func checkReferred(name, where, value string) (string, error) {
	value = strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")
	if value == "" || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return "", &Error{
			fmt.Sprintf("parameter %s names its value, but %s is empty, has several lines or is no UTF-8", name, where),
			"put the bare value there, in one line and not percent-encoded",
		}
	}
	return value, nil
}
