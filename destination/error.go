package destination

// Error is what a destination returns: what failed, where, and how to mend
// it. Its text holds no secret.
type Error struct {
	// Op is what was being done and to what: "stage account".
	Op  string
	Err error
	// Mend tells the user what to do; may be empty.
	Mend string
	// Usage is true when what was asked for makes no sense here, whatever the
	// state of the database: a table name that cannot be, a mode unknown.
	Usage bool
	// Busy is true when another process is at work on the same table or file,
	// so that the same load may succeed later.
	Busy bool
	// Guarded is true when the load would have removed more rows than
	// Spec.MaxRemoved lets it.
	Guarded bool
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
