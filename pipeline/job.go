// Package pipeline copies one table from a source to a destination. The ends
// are synchronous; the goroutines, the limit on them, retries of a part, the
// counting and the report live here.
package pipeline

import (
	"fmt"
	"log/slog"

	"sluice/destination"
	"sluice/source"
)

// Job is one table to copy.
type Job struct {
	// Open logs in to the source. Run closes what it returns.
	Open source.Opener
	// SourceTable is the table as the user wrote it.
	SourceTable string
	// Destination is not closed by Run, so that jobs may share it.
	Destination destination.Destination
	// Table is where the rows go. The zero value means schema public and the
	// source's own name for the table in snake_case.
	Table destination.TableName
	// Strategy is "replace", "append" or "merge"; empty means the one that the
	// table declares.
	Strategy string
	// Workers is how many parts are read at once; 0 means 4. Each holds one
	// batch in memory.
	Workers int
	// Log gets a line a step at debug level. Nil means none.
	Log *slog.Logger
	// Progress, if not nil, can be polled while Run works. It serves one Run.
	Progress *Progress
}

func (j Job) withDefaults() Job {
	if j.Workers <= 0 {
		j.Workers = 4
	}
	if j.Log == nil {
		j.Log = slog.New(slog.DiscardHandler)
	}
	if j.Progress == nil {
		j.Progress = new(Progress)
	}
	return j
}

// mode picks what the destination does, and says in warning when that is not
// what was asked for.
func mode(strategy string) (m destination.Mode, warning string, err error) {
	switch strategy {
	case "replace":
		return destination.Replace, "", nil
	case "append":
		return destination.Append, "", nil
	case "merge":
		// Merge promises the table that a replace would give (P5), so a whole
		// replace is right, only slower.
		return destination.Replace, "merge is not built yet: the table was loaded whole and replaced, which gives the same rows", nil
	default:
		return "", "", &source.Error{
			Kind: source.BadRequest,
			Err:  fmt.Errorf("unknown strategy %q", strategy),
			Mend: "use replace, append or merge",
		}
	}
}
