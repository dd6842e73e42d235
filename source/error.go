package source

import "time"

// Kind is why a source refused or broke. It decides the exit code.
type Kind int

// The kinds of Error.
const (
	// Failed is any error without a better kind.
	Failed Kind = iota
	// BadRequest is a request that makes no sense: an unknown table, a bad
	// option.
	BadRequest
	// Refused is a login or permission that the upstream system denied.
	Refused
	// BudgetSpent means that the allowance of API calls is used up.
	BudgetSpent
	// TryLater means that the upstream system is down or throttling.
	TryLater
)

// Error is what a source returns: what failed, why, and how to mend it. Its
// text holds no secret.
type Error struct {
	// Op is what was being done and to what: "describe Account".
	Op   string
	Kind Kind
	// Code is the upstream system's own word for the error, if it gave one.
	Code string
	Err  error
	// Mend tells the user what to do; may be empty.
	Mend string
	// Again is true when the same request may succeed if sent again, After
	// when the upstream system said how long to wait first.
	Again bool
	After time.Duration
	// Stale is true when the table is no longer as it was described: to
	// describe it again and start over may help.
	Stale bool
}

func (e *Error) Error() string {
	if e.Op == "" {
		return e.Err.Error()
	}
	return e.Op + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint says how to mend the error.
func (e *Error) Hint() string { return e.Mend }

// Retryable says whether the same request may succeed later.
func (e *Error) Retryable() bool { return e.Again }

// RetryAfter is how long the upstream system asked to wait; 0 when it did not
// say.
func (e *Error) RetryAfter() time.Duration { return e.After }
