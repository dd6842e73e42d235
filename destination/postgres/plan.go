package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/destination"
	"sluice/state"
)

// way is how staged rows become the table's.
type way int

const (
	// create gives the staging table the name of the table, which is not there.
	create way = iota
	// fill deletes all rows and inserts; add inserts.
	fill
	add
	// match removes the rows that shall go, updates in place those that differ
	// and inserts those that are new, all told by key.
	match
	// window removes the rows of a window of the cursor and inserts.
	window
	// update changes the loaded columns of rows that are there.
	update
)

// plan is what a load does to its table, decided from the catalog alone.
type plan struct {
	way way
	// columns are those that are loaded, in the order of the fields.
	columns []column
	// added and widened are the columns to alter before rows are inserted.
	added, widened []column
	// vanished are columns of the table that no field goes into, and that have
	// no value of their own.
	vanished []string
	// key, cursor and deleted are the columns of the fields of that name in
	// the Spec.
	key             []string
	cursor, deleted string
	// seen is the encoded state of the load as it was, "" for none, and before
	// what it says: nothing when the table is not there.
	seen     string
	before   state.State
	changes  []string
	warnings []string
	spec     destination.Spec
	// old is the table as it was.
	old tableState
}

// newPlan decides how s is carried out on t, or refuses.
func newPlan(s destination.Spec, t tableState, seen string) (plan, error) {
	p := plan{spec: s, old: t, seen: seen}
	for _, decide := range []func() error{p.possible, p.permitted, p.recall, p.name, p.fit, p.check} {
		if err := decide(); err != nil {
			return p, err
		}
	}
	p.way = p.choose()
	return p, nil
}

// possible refuses specs that make no sense.
func (p *plan) possible() error {
	s := p.spec
	refuse := func(text, mend string) error {
		return &destination.Error{Err: errors.New(text), Mend: mend, Usage: true}
	}
	switch s.Mode {
	case destination.Replace, destination.Append:
	case destination.Merge, destination.Update:
		if len(s.Key) == 0 {
			return refuse(fmt.Sprintf("the mode %s needs a key", s.Mode), "name the fields that identify a row, or use replace")
		}
	case destination.DeleteInsert:
		if s.Cursor == "" || s.From.IsZero() && s.To.IsZero() {
			return refuse("delete+insert needs a cursor and a window", "name them, or use replace")
		}
	default:
		return refuse(fmt.Sprintf("the mode %q is not known", s.Mode), "use replace, append, merge or delete+insert")
	}
	if s.Mode == destination.Update && !p.old.exists {
		return &destination.Error{Err: errors.New("there is no such table to update"), Mend: "load it first"}
	}
	return nil
}

// permitted refuses what we have no right to, as far as the catalog tells.
func (p *plan) permitted() error {
	schema := quote(p.spec.Table.Schema)
	switch {
	case p.old.mayCreate:
		return nil
	case p.old.hasSchema:
		return &destination.Error{
			Err:  fmt.Errorf("this role may not make tables in schema %s, where rows are staged", schema),
			Mend: fmt.Sprintf("let its owner GRANT USAGE, CREATE ON SCHEMA %s TO this role", schema),
		}
	default:
		return &destination.Error{
			Err:  fmt.Errorf("there is no schema %s, and this role may not make one", schema),
			Mend: fmt.Sprintf("let the owner of the database CREATE SCHEMA %s AUTHORIZATION this role, or name another schema", schema),
		}
	}
}

// recall reads what the last load left. Where a replace rewrites it anyway, a
// state that cannot be read is no obstacle.
func (p *plan) recall() error {
	if p.seen == "" || !p.old.exists {
		return nil
	}
	before, err := state.Decode([]byte(p.seen))
	if err != nil && p.spec.Mode == destination.Replace {
		return nil
	}
	if newer, ok := errors.AsType[*state.NewerError](err); ok {
		return &destination.Error{Err: newer, Mend: newer.Hint()}
	}
	p.before = before
	return err
}

// maxName is the limit of PostgreSQL's names in bytes; it cuts longer ones off.
const maxName = 63

// systemColumns are in every table and cannot be made again.
var systemColumns = []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

// name gives each field its column and its type.
func (p *plan) name() error {
	s := p.spec
	fields := s.Schema.Fields()
	if len(fields) == 0 {
		return &destination.Error{Err: fmt.Errorf("%s has no fields", s.Source)}
	}
	naming := destination.Naming{Landed: p.landed(), MaxBytes: maxName, Reserved: systemColumns}
	if !p.old.exists {
		naming.Convention = s.Convention
	}
	for _, c := range p.old.columns {
		naming.Existing = append(naming.Existing, c.name)
	}
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
	}
	columns, warnings, err := naming.Columns(list)
	if err != nil {
		return err
	}
	p.warnings = warnings
	for i, f := range fields {
		k, ok := kind(f.Type)
		if !ok {
			return &destination.Error{Err: fmt.Errorf("field %s: PostgreSQL has no type here for Arrow's %s", f.Name, f.Type)}
		}
		switch f.Name {
		case s.Cursor:
			p.cursor = columns[i]
		case s.Deleted:
			p.deleted = columns[i]
		}
		p.columns = append(p.columns, column{
			field: f.Name, name: columns[i], kind: k, target: k, notNull: slices.Contains(s.Key, f.Name),
		})
	}
	for _, k := range s.Key {
		i := slices.Index(list, k)
		if i < 0 {
			return &destination.Error{Err: fmt.Errorf("%s has no field %s, which is its key", s.Source, k)}
		}
		p.key = append(p.key, columns[i])
	}
	for _, f := range []string{s.Cursor, s.Deleted} {
		if f != "" && !slices.Contains(list, f) {
			return &destination.Error{Err: fmt.Errorf("%s has no field %s", s.Source, f)}
		}
	}
	return nil
}

// fit compares the columns with those that the table has.
func (p *plan) fit() error {
	if !p.old.exists {
		return nil
	}
	isNew := make(map[string]bool, len(p.columns))
	for _, c := range p.columns {
		isNew[c.name] = true
	}
	for _, have := range p.old.columns {
		i := slices.IndexFunc(p.columns, func(c column) bool { return c.name == have.name })
		if i < 0 {
			if !have.filled() {
				p.vanished = append(p.vanished, have.name)
			}
			continue
		}
		delete(isNew, have.name)
		if err := p.fitColumn(&p.columns[i], have); err != nil {
			return err
		}
	}
	for i := range p.columns {
		c := &p.columns[i]
		if isNew[c.name] {
			c.notNull = false // rows that are there have no value
			p.added = append(p.added, *c)
			p.changes = append(p.changes, fmt.Sprintf("added column %s (%s)", c.name, c.target))
		}
	}
	return nil
}

// emptied are the vanished columns that a replace empties: those that fields went
// into before. Others are somebody's own, unless nothing is known of before.
func (p *plan) emptied() (list []string) {
	landed := p.landed()
	// A state has the columns of all fields, those of the key among them. What the
	// user renames has some, and tells nothing of earlier loads.
	known := len(p.spec.Key) > 0
	for _, field := range p.spec.Key {
		_, has := landed[field]
		known = known && has
	}
	for _, v := range p.vanished {
		ours := !known
		for _, column := range landed {
			ours = ours || column == v
		}
		if ours {
			list = append(list, v)
		}
	}
	return list
}

// landed tells which column each field went to in earlier loads.
func (p *plan) landed() map[string]string {
	if len(p.before.Columns) > 0 {
		return p.before.Columns
	}
	return p.spec.Columns
}

func (p *plan) fitColumn(c *column, have existing) error {
	table := qualify(p.spec.Table)
	if have.generated != "" || have.identity == "a" {
		return &destination.Error{
			Err:  fmt.Errorf("column %s is generated by PostgreSQL, and field %s would go into it", have.name, c.field),
			Mend: fmt.Sprintf("rename the column: ALTER TABLE %s RENAME COLUMN %s TO …, or load into another table", table, quote(have.name)),
		}
	}
	to, ok := target(have, c.kind, p.spec.Mode)
	if !ok {
		return &destination.Error{
			Err: fmt.Errorf("column %s is %s, which cannot take %s, the type of field %s",
				have.name, have.declared, c.kind, c.field),
			Mend: fmt.Sprintf("load into another table, or drop the column: ALTER TABLE %s DROP COLUMN %s", table, quote(have.name)),
		}
	}
	c.target, c.notNull, c.collation = to, have.notNull, have.collation
	if to == have.declared {
		return nil
	}
	if pins := p.old.pinned[have.name]; len(pins) > 0 {
		return &destination.Error{
			Err: fmt.Errorf("column %s has to become %s, and PostgreSQL changes no type that something hangs on: %s",
				have.name, to, strings.Join(pins, ", ")),
			Mend: "drop what hangs on it, load once, and create it again",
		}
	}
	p.widened = append(p.widened, *c)
	p.changes = append(p.changes, fmt.Sprintf("changed column %s from %s to %s", have.name, have.declared, to))
	return nil
}

// check refuses what the catalog shows to be impossible, before any row is
// read.
func (p *plan) check() error {
	t := p.old
	if alters := len(p.added) + len(p.widened); alters > 0 && !t.owned {
		return &destination.Error{
			Err:  fmt.Errorf("the table has to change (%s), and only its owner, %s, may do that", strings.Join(p.changes, ", "), t.owner),
			Mend: fmt.Sprintf("load as %s, or make the changes as %s and load again", t.owner, t.owner),
		}
	}
	for _, c := range t.columns {
		if c.notNull && slices.Contains(p.vanished, c.name) && p.spec.Mode != destination.Update {
			return &destination.Error{
				Err:  fmt.Errorf("column %s is NOT NULL without a default, and no field goes into it", c.name),
				Mend: "give the column a default, or allow NULL in it",
			}
		}
	}
	if p.spec.Mode == destination.Replace && !p.keyed() && len(t.referrers) > 0 {
		return &destination.Error{
			Err:  fmt.Errorf("foreign keys of %s point at the table, and its rows cannot be told apart by a key of %s", strings.Join(t.referrers, ", "), p.spec.Source),
			Mend: "name the fields that identify a row, or drop the foreign keys",
		}
	}
	return nil
}

// choose picks the way that disturbs readers least (P4): none but a create
// takes a lock that a reader waits for, unless columns have to change.
func (p *plan) choose() way {
	switch {
	case !p.old.exists:
		return create
	case p.spec.Mode == destination.Append:
		return add
	case p.spec.Mode == destination.Update:
		return update
	case p.spec.Mode == destination.DeleteInsert && !p.keyed():
		return window
	case p.spec.Mode == destination.Replace && !p.keyed():
		return fill
	default:
		return match
	}
}

// keyed says whether rows of the table can be told by the key.
func (p *plan) keyed() bool { return len(p.key) > 0 && !slices.ContainsFunc(p.key, p.isAdded) }

// isAdded says whether a column is new to the table.
func (p *plan) isAdded(name string) bool {
	return slices.ContainsFunc(p.added, func(c column) bool { return c.name == name })
}

// unique says whether the load wants each staged key once.
func (p *plan) unique() bool { return len(p.key) > 0 && p.spec.Mode != destination.Append }

// keyColumns are the columns of the key, in its order, as they are staged.
func (p *plan) keyColumns() []column {
	list := make([]column, len(p.key))
	for i, k := range p.key {
		list[i] = p.columns[slices.IndexFunc(p.columns, func(c column) bool { return c.name == k })]
	}
	return list
}

// found is the plan as the caller of Begin may know it.
func (p *plan) found() destination.Found {
	f := destination.Found{Exists: p.old.exists, State: p.before, DDL: p.ddl()}
	for _, c := range p.columns {
		f.Columns = append(f.Columns, destination.Column{Field: c.field, Name: c.name, Type: c.target})
		changed := func(o column) bool { return o.field == c.field }
		if slices.ContainsFunc(p.added, changed) {
			f.Added = append(f.Added, c.field)
		}
		if slices.ContainsFunc(p.widened, changed) {
			f.Widened = append(f.Widened, c.field)
		}
	}
	return f
}

// ddl gives the SQL that changes the schema, as it comes out in the end: a new
// table is made under another name.
func (p *plan) ddl() (list []string) {
	if p.way != create {
		return p.alterations()
	}
	t := p.spec.Table
	if !p.old.hasSchema {
		list = append(list, createSchema(t.Schema))
	}
	list = append(list, createTable(t, p.columns))
	if len(p.key) > 0 {
		list = append(list, createIndex(t, p.key))
	}
	return list
}
