package duckdb

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
	// swap drops the old table, if there is one, and gives its name to the
	// staging table. Views stay, since DuckDB binds them by name; indexes and
	// comments are made again; nothing else may hang on the old table.
	swap way = iota
	// fill empties the table and inserts; add inserts.
	fill
	add
	// upsert removes the rows that are gone and updates the others in place:
	// foreign keys point at them.
	upsert
	// merge removes the rows whose key was staged or is gone and inserts those
	// that are alive; mergeUpsert updates in place, for foreign keys.
	merge
	mergeUpsert
	// window removes the rows of a window of the cursor, too.
	window
	// update changes the loaded columns of rows that are there.
	update
)

// plan is what a load does to its table, decided from the catalog alone.
type plan struct {
	way way
	// columns are those that are loaded, in the order of the fields.
	columns []column
	// layout is columns in the order of the table: as they stand, new ones
	// last.
	layout []column
	// added and widened are the columns to alter before rows are inserted.
	added, widened []column
	// vanished are columns of the table that no field goes into.
	vanished []string
	// conflict is the key that foreign keys point at, for upsert.
	conflict []string
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
	created  bool
	spec     destination.Spec
	// old is the table as it was, for what swap has to make again.
	old tableState
}

// newPlan decides how s is carried out on t, or refuses.
func newPlan(s destination.Spec, t tableState, seen string) (plan, error) {
	p := plan{created: !t.exists, spec: s, old: t, seen: seen}
	if err := p.possible(s); err != nil {
		return p, err
	}
	if s.Mode == destination.Update && !t.exists {
		return p, &destination.Error{Err: errors.New("there is no such table to update"), Mend: "load it first"}
	}
	if err := p.recall(s, t); err != nil {
		return p, err
	}
	if err := p.name(s, t); err != nil {
		return p, err
	}
	if err := p.fit(s, t); err != nil {
		return p, err
	}
	p.way = p.choose(s, t)
	p.conflict = t.referenced
	return p, p.check(t)
}

// possible refuses specs that make no sense.
func (p *plan) possible(s destination.Spec) error {
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
	return nil
}

// recall reads what the last load left. Where a replace rewrites it anyway, a
// state that cannot be read is no obstacle.
func (p *plan) recall(s destination.Spec, t tableState) error {
	if p.seen == "" || !t.exists {
		return nil
	}
	before, err := state.Decode([]byte(p.seen))
	if err != nil && s.Mode == destination.Replace {
		return nil
	}
	if newer, ok := errors.AsType[*state.NewerError](err); ok {
		return &destination.Error{Err: newer, Mend: newer.Hint()}
	}
	p.before = before
	return err
}

// name gives each field its column and its type.
func (p *plan) name(s destination.Spec, t tableState) error {
	fields := s.Schema.Fields()
	if len(fields) == 0 {
		return &destination.Error{Err: fmt.Errorf("%s has no fields", s.Source)}
	}
	naming := destination.Naming{Landed: p.before.Columns}
	if len(naming.Landed) == 0 {
		naming.Landed = s.Columns
	}
	if !t.exists {
		naming.Convention = s.Convention
	}
	for _, c := range t.columns {
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
			return &destination.Error{Err: fmt.Errorf("field %s: DuckDB has no type here for Arrow's %s", f.Name, f.Type)}
		}
		isKey := slices.Contains(s.Key, f.Name)
		switch f.Name {
		case s.Cursor:
			p.cursor = columns[i]
		case s.Deleted:
			p.deleted = columns[i]
		}
		p.columns = append(p.columns, column{field: f.Name, name: columns[i], kind: k, target: k, notNull: isKey})
	}
	for _, k := range s.Key {
		i := slices.Index(list, k)
		if i < 0 {
			return &destination.Error{Err: fmt.Errorf("the key %s is not among the fields of %s", k, s.Source)}
		}
		p.key = append(p.key, columns[i])
	}
	return nil
}

// fit compares the columns with those that the table has.
func (p *plan) fit(s destination.Spec, t tableState) error {
	loaded := make(map[string]*column, len(p.columns))
	for i := range p.columns {
		loaded[p.columns[i].name] = &p.columns[i]
	}
	for _, have := range t.columns {
		c, ok := loaded[have.name]
		if !ok {
			p.vanished = append(p.vanished, have.name)
			continue
		}
		delete(loaded, have.name)
		var err error
		if c.target, err = fitColumn(s, have, *c); err != nil {
			return err
		}
		c.notNull = have.notNull
		if c.target != have.kind {
			p.widened = append(p.widened, *c)
			p.changes = append(p.changes, fmt.Sprintf("changed column %s from %s to %s", c.name, have.kind, c.target))
		}
		p.layout = append(p.layout, *c)
	}
	for i := range p.columns {
		c := &p.columns[i]
		if _, isNew := loaded[c.name]; !isNew {
			continue
		}
		if t.exists {
			c.notNull = false // rows that are there have no value
			p.added = append(p.added, *c)
			p.changes = append(p.changes, fmt.Sprintf("added column %s (%s)", c.name, c.target))
		}
		p.layout = append(p.layout, *c)
	}
	return nil
}

func fitColumn(s destination.Spec, have existing, c column) (string, error) {
	to, ok := target(have.kind, c.kind, s.Mode)
	if !ok {
		return "", &destination.Error{
			Err: fmt.Errorf("column %s is %s, which cannot take %s, the type of field %s",
				have.name, have.kind, c.kind, c.field),
			Mend: fmt.Sprintf("load into another table, or drop the column: ALTER TABLE %s.%s DROP COLUMN %s",
				quote(s.Table.Schema), quote(s.Table.Table), quote(have.name)),
		}
	}
	return to, nil
}

// choose picks the cheapest way that keeps what hangs on the table (P4).
// For 1,000,000 rows of 75 columns swap took 10 ms and no further disk, fill
// 24 s and the size of the table once more.
func (p *plan) choose(s destination.Spec, t tableState) way {
	switch {
	case !t.exists:
		return swap
	case s.Mode == destination.Append:
		return add
	case s.Mode == destination.Merge && len(t.referrers) > 0:
		return mergeUpsert
	case s.Mode == destination.Merge:
		return merge
	case s.Mode == destination.DeleteInsert:
		return window
	case s.Mode == destination.Update:
		return update
	case len(t.referrers) > 0:
		return upsert
	case p.hangs(t):
		return fill
	default:
		return swap
	}
}

// hangs says whether the table has something that a new table of the same
// columns, indexes and comments would lack.
func (p *plan) hangs(t tableState) bool {
	return len(t.constraints) > 0 || len(p.vanished) > 0 ||
		slices.ContainsFunc(t.columns, func(c existing) bool { return c.hasDefault }) ||
		slices.ContainsFunc(p.columns, func(c column) bool { return !c.exact() })
}

// check refuses what the catalog shows to be impossible, before any row is
// read.
func (p *plan) check(t tableState) error {
	indexes := make([]string, len(t.indexes))
	for i, x := range t.indexes {
		indexes[i] = x.name
		if x.unique && (p.way == fill || p.way == merge || p.way == window) {
			return &destination.Error{
				Err:  fmt.Errorf("index %s is unique, and DuckDB compares new rows with those deleted in the same transaction", x.name),
				Mend: "drop the index and make its columns a UNIQUE constraint or a primary key of the table",
			}
		}
	}
	if blocking := slices.Concat(indexes, t.referrers); len(p.widened) > 0 && p.way != swap && len(blocking) > 0 {
		c := p.widened[0]
		return &destination.Error{
			Err: fmt.Errorf("column %s has to become %s, and DuckDB changes no type in a table with %s",
				c.name, c.target, strings.Join(blocking, ", ")),
			Mend: "drop the index or the foreign key, load once, and create it again",
		}
	}
	for _, c := range t.columns {
		if c.notNull && !c.hasDefault && slices.Contains(p.vanished, c.name) && p.way != update {
			return &destination.Error{
				Err:  fmt.Errorf("column %s is NOT NULL without a default, and no field goes into it", c.name),
				Mend: "give the column a default, or allow NULL in it",
			}
		}
	}
	return nil
}

// found is the plan as the caller of Begin may know it.
func (p *plan) found() destination.Found {
	f := destination.Found{Exists: !p.created, State: p.before}
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

// ddl gives the SQL that changes the schema, as it comes out in the end: a swap
// makes the new table under another name.
func (p *plan) ddl(db string) (list []string) {
	t := p.spec.Table
	switch {
	case p.created:
		return []string{createSchema(db, t.Schema), createTable(db, t, p.layout)}
	case p.way == swap:
		return append([]string{dropTable(db, t), createTable(db, t, p.layout)}, p.old.restore(db, t)...)
	}
	for _, c := range p.added {
		list = append(list, addColumn(db, t, c))
	}
	for _, c := range p.widened {
		list = append(list, widen(db, t, c))
	}
	return list
}

// staged gives the columns of the staging table: those of the table itself
// where it becomes the table, else the types that hold every value.
func (p *plan) staged() []column {
	if p.way == swap {
		return p.layout
	}
	list := slices.Clone(p.columns)
	for i := range list {
		list[i].target = list[i].kind
	}
	return list
}

// step is a statement that publishes, and what its count of rows means.
type step struct {
	sql    string
	counts effect
}

// effect is what a step does to the rows that the load tells of.
type effect int

const (
	nothing effect = iota
	// inserts adds as many rows as are left of the staged ones (P2).
	inserts
	// updates changes rows; the staged ones that it does not need are passed
	// over.
	updates
	// passes drops staged rows.
	passes
	// removes takes rows from the table that the source no longer has; unkept
	// does so because their keys were not among those kept.
	removes
	unkept
)

// statements gives the SQL that puts the staged rows into the table, up to
// the transaction's end. Keeps says that the keys of all rows are staged, too.
func (p *plan) statements(db string, t, staging destination.TableName, keeps bool) []step {
	var list []step
	do := func(counts effect, statements ...string) {
		for _, s := range statements {
			list = append(list, step{s, counts})
		}
	}
	if p.way == swap {
		if !p.created {
			do(nothing, dropTable(db, t))
		}
		do(nothing, rename(db, staging, t.Table))
		do(nothing, p.old.restore(db, t)...)
		do(nothing, dropBeside(db, staging)...)
		return list
	}
	// DuckDB refuses to commit an ALTER that comes after a DELETE.
	for _, c := range p.added {
		do(nothing, addColumn(db, t, c))
	}
	for _, c := range p.widened {
		do(nothing, widen(db, t, c))
	}
	if keeps && len(p.key) > 0 && (p.merges() || p.way == add) {
		do(unkept, deleteGone(db, t, beside(staging, keptSuffix), p.key))
		do(passes, deleteGone(db, staging, beside(staging, keptSuffix), p.key))
	}
	switch p.way {
	case merge, mergeUpsert, window:
		list = append(list, p.mergeSteps(db, t, staging)...)
	case update:
		do(updates, updateStaged(db, t, staging, p.columns, p.key))
	case upsert:
		do(removes, deleteGone(db, t, staging, p.conflict))
		do(inserts, upsertStaged(db, t, staging, p.columns, p.conflict, p.vanished))
	case fill:
		do(nothing, deleteAll(db, t))
		do(inserts, insertStaged(db, t, staging, p.columns))
	default:
		do(inserts, insertStaged(db, t, staging, p.columns))
	}
	do(nothing, dropBeside(db, staging)...)
	do(nothing, dropTable(db, staging))
	return list
}

// mergeSteps gives the SQL of a merge, after the alterations.
func (p *plan) mergeSteps(db string, t, staging destination.TableName) []step {
	var list []step
	do := func(counts effect, statement string) { list = append(list, step{statement, counts}) }
	if p.way == window {
		do(nothing, deleteWindow(db, t, p.cursor, p.spec.From, p.spec.To))
	}
	if len(p.key) > 0 {
		if p.deleted != "" {
			do(removes, deleteStaged(db, t, staging, p.key, dead("s", p.deleted)))
		}
		do(removes, deleteErased(db, t, staging, beside(staging, goneSuffix), p.key, p.deleted))
	}
	if p.deleted != "" {
		do(passes, dropDead(db, staging, p.deleted))
	}
	if p.way == mergeUpsert {
		do(inserts, upsertStaged(db, t, staging, p.columns, p.conflict, nil))
		return list
	}
	if len(p.key) > 0 {
		do(nothing, deleteStaged(db, t, staging, p.key, "true"))
	}
	do(inserts, insertStaged(db, t, staging, p.columns))
	return list
}

// keyColumns are the columns of the key, in its order, as they are staged.
func (p *plan) keyColumns() []column {
	list := make([]column, len(p.key))
	for i, k := range p.key {
		at := slices.IndexFunc(p.columns, func(c column) bool { return c.name == k })
		list[i] = p.columns[at]
		list[i].target = list[i].kind
	}
	return list
}

// isAdded says whether a column is new to the table.
func (p *plan) isAdded(name string) bool {
	return slices.ContainsFunc(p.added, func(c column) bool { return c.name == name })
}

// merges says whether staged rows are joined to those of the table by key.
func (p *plan) merges() bool { return p.way == merge || p.way == mergeUpsert || p.way == window }

// restore gives the SQL that makes the indexes and comments of t again.
func (t tableState) restore(db string, name destination.TableName) []string {
	var list []string
	for _, i := range t.indexes {
		list = append(list, strings.TrimSuffix(i.sql, ";"))
	}
	if t.comment != "" {
		list = append(list, comment("TABLE", qualify(db, name), t.comment))
	}
	for _, c := range t.columns {
		if c.comment != "" {
			list = append(list, comment("COLUMN", qualify(db, name)+"."+quote(c.name), c.comment))
		}
	}
	return list
}
