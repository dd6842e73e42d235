package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
	"sluice/source"
	"sluice/state"
)

// DefaultLookback is how far before the cursor a window begins: rows that were
// committed late come with older stamps (P6).
const DefaultLookback = 10 * time.Minute

// What a job does with rows that the source has deleted.
const (
	RemoveDeleted = "remove" // the table loses them
	KeepDeleted   = "keep"   // they stay, marked
	IgnoreDeleted = "ignore" // they stay as they were last seen
)

// plan is what a run sets out to do.
type plan struct {
	strategy string // asked for
	mode     destination.Mode
	key      []string
	cursor   string // the field; empty when the table is only ever read whole
	deleted  string // the field that marks deleted rows; empty when there is none
	before   state.State
	// whole is set when every row is read: Mode is Replace then, or Append.
	whole bool
	// shape tells how values are changed on their way; empty when they are not.
	shape string
	// instead says why the strategy is another one than asked for.
	instead string
}

// decide checks what the job asks for against what the table can do, before
// anything is touched.
func (j Job) decide(t source.Table) (plan, error) {
	p := plan{strategy: j.Strategy, key: t.Key(), deleted: t.DeletedKey()}
	if p.strategy == "" {
		p.strategy = t.Strategy()
	}
	if j.Deleted == IgnoreDeleted {
		p.deleted = ""
	}
	p.mode = destination.Mode(p.strategy)
	if !slices.Contains([]destination.Mode{destination.Replace, destination.Append, destination.Merge, destination.DeleteInsert}, p.mode) {
		return p, badRequest("use replace, append, merge or delete+insert", "unknown strategy %q", p.strategy)
	}
	if err := p.fields(j, t); err != nil {
		return p, err
	}
	if err := p.interval(j); err != nil {
		return p, err
	}
	if err := p.agree(j, t); err != nil {
		return p, err
	}
	return p, p.possible(j, t)
}

// fields resolves the key and the cursor that the user named.
func (p *plan) fields(j Job, t source.Table) error {
	if len(j.Key) > 0 {
		p.key = nil
		for _, name := range j.Key {
			f := fieldOf(t.Schema(), name)
			if f == "" {
				return badRequest("name fields of "+t.Name()+", such as Id", "%s has no field %q to be its key", t.Name(), name)
			}
			p.key = append(p.key, f)
		}
	}
	cursor := t.CursorKey()
	if j.CursorKey != "" && !strings.EqualFold(j.CursorKey, lastTimestamp) {
		if cursor = fieldOf(t.Schema(), j.CursorKey); cursor == "" {
			return badRequest("name a datetime field of "+t.Name()+", or leave it to "+t.CursorKey(), "%s has no field %q to be its cursor", t.Name(), j.CursorKey)
		}
	}
	if p.mode != destination.Replace {
		p.cursor = cursor
	}
	return nil
}

// lastTimestamp is the public name of a table's own cursor.
const lastTimestamp = "last_timestamp"

// fieldOf finds a field by its name or by the name of its column; "" when there
// is none.
func fieldOf(s *arrow.Schema, name string) string {
	for _, f := range s.Fields() {
		if strings.EqualFold(f.Name, name) || strings.EqualFold(destination.Snake(f.Name), name) {
			return f.Name
		}
	}
	return ""
}

// interval refuses back-fills that would leave the table with a slice alone.
func (p *plan) interval(j Job) error {
	if j.From.IsZero() && j.To.IsZero() {
		return nil
	}
	switch {
	case j.FullRefresh:
		return badRequest("leave one of them out", "a full refresh of an interval would leave the table with that slice alone")
	case p.mode == destination.Replace:
		return badRequest("use --incremental-strategy merge or delete+insert", "a replace by an interval would leave the table with that slice alone")
	case !j.To.IsZero() && !j.From.Before(j.To):
		return badRequest("the start is inclusive, the end is not", "the interval ends at %s, before it starts", j.To.Format(time.RFC3339))
	}
	return nil
}

// agree refuses wishes that do not go together.
func (p *plan) agree(j Job, t source.Table) error {
	switch {
	case j.Limit > 0 && p.mode != destination.Replace:
		return badRequest("use --incremental-strategy replace, or choose rows by --where", "a limit leaves out rows that a later %s would pass over for ever", p.mode)
	case j.Reconcile && p.mode == destination.Append:
		return badRequest("use merge, or leave --reconcile out", "an append keeps old rows, and a reconcile would remove them")
	case j.Reconcile && j.Deleted != RemoveDeleted:
		return badRequest("leave one of them out", "a reconcile removes rows that the org has deleted, and --deleted %s keeps them", j.Deleted)
	case j.States != nil && p.mode == destination.Append && len(p.key) == 0:
		return badRequest("name one with --primary-key, or keep the state in the destination",
			"%s has no key, and without one an append cannot be repeated after a crash between the commit and a state kept elsewhere", t.Name())
	}
	return nil
}

// possible falls back to a replace where the table's own strategy cannot be,
// and refuses where the user asked for it.
func (p *plan) possible(j Job, t source.Table) error {
	var lacks, mend string
	switch {
	case p.mode == destination.Merge && len(p.key) == 0:
		lacks, mend = "has no key", "name one with --primary-key, or use replace"
	case (p.mode == destination.Merge || p.mode == destination.DeleteInsert) && p.cursor == "":
		lacks, mend = "has no field that tells when a row changed", "name one with --incremental-key, or use replace"
	default:
		return nil
	}
	if j.Strategy != "" || !j.From.IsZero() || !j.To.IsZero() {
		return badRequest(mend, "%s cannot be loaded by %s: it %s", t.Name(), p.mode, lacks)
	}
	p.instead = fmt.Sprintf("%s %s, so it was replaced", t.Name(), lacks)
	p.mode, p.cursor = destination.Replace, ""
	return nil
}

// keepsState says whether the next run goes on where this one stops.
func (p *plan) keepsState() bool { return p.mode != destination.Replace && p.cursor != "" }

// from takes in what the last load left, and decides whether this one has to
// read everything.
func (p *plan) from(j Job, before state.State) error {
	p.before = before
	known := !before.Cursor.IsZero()
	if !j.From.IsZero() || !j.To.IsZero() {
		if known && before.Where != j.Where {
			return badRequest("give the same --where, or load into another table",
				"the table was loaded by %s, not by %s: an interval by another condition would take rows out of it", condition(before.Where), condition(j.Where))
		}
		if known && before.Shape != p.shape {
			return badRequest("give the same --mask and --columns, or start over by --full-refresh", "rows of the table were masked or typed in another way")
		}
		return nil
	}
	switch {
	case j.FullRefresh:
		p.whole = true
	case !known:
		p.whole = true
		if p.mode == destination.Append {
			return nil // adds to what is there
		}
	case before.CursorKey != p.cursor && p.mode == destination.Append:
		return badRequest("use --full-refresh to start over, or --incremental-key "+before.CursorKey,
			"the table was appended by %s until now; by %s rows would be doubled or lost", before.CursorKey, p.cursor)
	case p.mode == destination.Append:
		return nil
	case before.CursorKey != p.cursor:
		p.whole, p.instead = true, fmt.Sprintf("the cursor changed from %s to %s, so the table was loaded whole", before.CursorKey, p.cursor)
	case before.Strategy == string(destination.Append):
		p.whole, p.instead = true, "the table was appended until now and may hold old versions of rows, so it was loaded whole"
	case before.Where != j.Where:
		p.whole, p.instead = true, "the condition on the rows changed, so the table was loaded whole"
	case before.Shape != p.shape:
		p.whole, p.instead = true, "rows were masked or typed in another way until now, so the table was loaded whole"
	case before.Deleted != j.Deleted:
		p.whole, p.instead = true, fmt.Sprintf("deleted rows were treated by %q until now, so the table was loaded whole", before.Deleted)
	}
	if p.whole {
		p.mode = destination.Replace
	}
	return nil
}

// request is what the source is asked for.
func (p *plan) request(j Job, keeps bool) source.Request {
	r := source.Request{
		CursorKey:   p.cursor,
		Where:       j.Where,
		Limit:       j.Limit,
		WithDeleted: p.deleted != "" && (!p.whole && p.mode != destination.Replace || j.Deleted == KeepDeleted),
		Track:       keeps,
	}
	switch {
	case !j.From.IsZero() || !j.To.IsZero():
		r.From, r.To = j.From, j.To
	case p.whole || p.mode == destination.Replace || p.before.Cursor.IsZero():
	default:
		r.From = p.before.Cursor.Add(-j.Lookback)
		if j.Deleted == RemoveDeleted && !j.Reconcile && len(p.key) == 1 && p.mode != destination.Append {
			since := p.before.Covered
			if since.IsZero() {
				since = p.before.Cursor
			}
			r.GoneSince = since.Add(-j.Lookback)
		}
	}
	return r
}

// after is the state that the run leaves: newest is the greatest cursor of its
// rows, horizon the moment that the cursor must not pass (P6). Logged says whether
// the rows that were erased before it are known.
func (p *plan) after(j Job, run string, newest, horizon time.Time, logged bool) *state.State {
	s := p.before
	s.CursorKey, s.Strategy, s.Deleted, s.Run, s.Committed = p.cursor, p.strategy, j.Deleted, run, time.Now().UTC().Truncate(time.Second)
	s.Where, s.Shape = j.Where, p.shape
	reached := newest
	if !horizon.IsZero() && horizon.Before(reached) {
		reached = horizon
	}
	if interval := !j.From.IsZero() || !j.To.IsZero(); interval {
		// P6: a back-fill moves the cursor only where it leaves no gap.
		if !j.To.IsZero() && j.To.Before(reached) {
			reached = j.To
		}
		if p.before.Cursor.IsZero() || j.From.After(p.before.Cursor) {
			return &s
		}
	} else if p.whole || logged {
		s.Covered = horizon
	} else if s.Covered.IsZero() {
		s.Covered = p.before.Cursor
	}
	if p.whole || reached.After(s.Cursor) {
		s.Cursor = reached
	}
	return &s
}

// condition names a condition for people.
func condition(where string) string {
	if where == "" {
		return "no condition"
	}
	return fmt.Sprintf("the condition %q", where)
}

func badRequest(mend, format string, args ...any) error {
	return &source.Error{Kind: source.BadRequest, Err: fmt.Errorf(format, args...), Mend: mend}
}
