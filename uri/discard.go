package uri

// ParseDiscard reads the address of the destination that keeps nothing.
func ParseDiscard(raw string) error {
	if scheme, err := Scheme(raw); err != nil || scheme != "discard" || len(raw) > len("discard://") {
		return &Error{"the discard address has more than its scheme", "write discard:"}
	}
	return nil
}
