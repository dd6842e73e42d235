package destination

import "fmt"

// Guard refuses to remove n of the rows that a table has because their keys
// were not among those kept, when that is more than MaxRemoved of them.
func (s Spec) Guard(n, rows int64) error {
	if n <= UnguardedRows || float64(n) <= s.MaxRemoved*float64(rows) {
		return nil
	}
	return &Error{
		Err:     fmt.Errorf("%d of %d rows would be removed, more than %g %%", n, rows, 100*s.MaxRemoved),
		Mend:    "look why the source has so many rows less; if that is right, allow it with --force",
		Guarded: true,
	}
}
