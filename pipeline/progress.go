package pipeline

import (
	"sync/atomic"

	"sluice/source"
)

// Phase is a stretch of a Run. They come in the order of Phases.
type Phase string

// The phases of a Run.
const (
	Connect Phase = "connect" // log in, describe the table
	Plan    Phase = "plan"    // look at the destination, count, start the job
	Wait    Phase = "wait"    // until the org hands out the first rows
	Copy    Phase = "copy"    // read and stage rows
	Commit  Phase = "commit"  // make them visible
)

// Phases lists the phases in the order they come.
var Phases = []Phase{Connect, Plan, Wait, Copy, Commit}

// Progress is what a Run is doing, for a display that polls it from another
// goroutine. The zero value is ready.
type Progress struct {
	phase    atomic.Pointer[Phase]
	doing    atomic.Pointer[string]
	source   atomic.Pointer[source.Source]
	rows     atomic.Int64
	expected atomic.Int64
}

// Snapshot is one look at a Progress.
type Snapshot struct {
	// Phase is empty before Run begins.
	Phase Phase
	// Doing is the source's word for what it does, "waiting for Bulk job 750…";
	// empty when it said nothing in this phase.
	Doing string
	// Rows counts the rows staged, less those of parts that are read again.
	Rows int64
	// Expected is how many there will be, -1 when nobody knows.
	Expected int64
	// Usage is what the source has cost so far.
	Usage source.Usage
}

// Snapshot looks at p. It never blocks.
func (p *Progress) Snapshot() Snapshot {
	s := Snapshot{Rows: p.rows.Load(), Expected: -1}
	if phase := p.phase.Load(); phase != nil {
		s.Phase = *phase
	}
	if doing := p.doing.Load(); doing != nil {
		s.Doing = *doing
	}
	if s.Phase == Wait || s.Phase == Copy || s.Phase == Commit {
		s.Expected = p.expected.Load()
	}
	if src := p.source.Load(); src != nil {
		s.Usage = (*src).Usage()
	}
	return s
}

// enter begins phase. What the source does while it plans, it still does while
// the run waits for it.
func (p *Progress) enter(phase Phase) {
	if phase != Wait {
		p.doing.Store(nil)
	}
	p.phase.Store(&phase)
}
