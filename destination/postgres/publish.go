package postgres

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/destination"
)

// This file holds the SQL that makes staged rows the table's, as text. Rows are
// joined by key, so that no constraint is needed, and those that stay are
// updated in place: foreign keys point at them, and most do not change.

// step is a statement that publishes, what its count of rows means, and what
// there has to be for it to be needed.
type step struct {
	sql    string
	counts effect
	when   need
}

// need is a reason for a step. Whether there is one was counted by a step
// before, at a fraction of what it would take to find that out by doing it.
type need int

const (
	always    need = iota
	older          // staged rows of a key that has a newer one
	dead           // staged rows that are marked deleted
	doubles        // keys that the table has twice
	differing      // rows of the table that differ from the staged ones
	missing        // staged rows whose key the table does not have
	erased         // keys of rows that are gone
)

// effect is what a step does to the rows that the load tells of.
type effect int

const (
	nothing effect = iota
	// inserts adds as many rows as are left of the staged ones (P2).
	inserts
	// matches counts the keys that the table has of the staged ones, which are
	// not to be inserted, and the rows that have them.
	matches
	// pairs counts the rows that the table and the staging have both, the staged
	// ones among them, and those that differ.
	pairs
	// changes updates as many rows as differ (P1).
	changes
	// updates changes rows; when the load is one of updates alone, the staged
	// ones that it does not need are passed over.
	updates
	// passes drops staged rows.
	passes
	// removes takes rows from the table that the source no longer has; unkept
	// does so because their keys were not among those kept.
	removes
	unkept
)

// steps gives the SQL that puts the staged rows into the table, up to the
// transaction's end. Keeps says that the keys of all rows are staged, too.
func (p *plan) steps(staging destination.TableName, keeps bool) []step {
	t := p.spec.Table
	var list []step
	do := func(counts effect, statements ...string) {
		if len(statements) > 0 {
			list = append(list, step{strings.Join(statements, ";\n"), counts, always})
		}
	}
	if p.unique() {
		list = append(list, step{dropOlder(staging, p.key, p.cursor), passes, older})
	}
	dropDead := step{dropDead(staging, p.deleted), passes, dead}
	if p.way == create {
		list = append(list, dropDead)
		last := []string{dropBeside(staging), comment(staging, ""), vacuumAgain(staging), rename(staging, t.Table)}
		if len(p.key) > 0 {
			last = append(last, createIndex(t, p.key))
		}
		do(nothing, last...)
		return list
	}
	do(nothing, append(p.alterations(), analyze(staging, p.key))...)
	if keeps && (p.spec.Mode == destination.Merge || p.spec.Mode == destination.Append) {
		do(unkept, deleteUnmatched(t, beside(staging, keptSuffix), p.keyColumns(), ""))
		do(passes, deleteUnmatched(staging, beside(staging, keptSuffix), p.stagedKey(), ""))
	}
	list = append(list, p.removals(staging)...)
	list = append(list, dropDead)
	switch p.way {
	case match:
		if p.spec.Mode == destination.Replace {
			do(removes, deleteUnmatched(t, staging, p.keyColumns(), ""))
		}
		list = append(list, p.matchings(staging)...)
	case update:
		if u := updateStaged(t, staging, p); u != "" {
			do(updates, u)
		}
	case add:
		if len(p.key) > 0 && p.cursor != "" && !p.isAdded(p.cursor) && p.keyed() {
			do(passes, dropKnown(t, staging, p))
		}
		do(inserts, insertStaged(t, staging, p.columns))
	case fill:
		do(nothing, "DELETE FROM "+qualify(t))
		do(inserts, insertStaged(t, staging, p.columns))
	case create, window:
		do(inserts, insertStaged(t, staging, p.columns))
	}
	do(nothing, dropBeside(staging), dropIfThere(staging))
	return list
}

// matchings gives the SQL that updates the rows whose key was staged, and
// inserts those that are missing.
func (p *plan) matchings(staging destination.TableName) []step {
	t, key := p.spec.Table, p.keyColumns()
	if p.old.partitioned {
		// The place of a row is not its alone there, so that each step joins by key.
		return []step{
			{deleteDoubles(t, staging, key), nothing, always},
			{countMatches(t, staging, key), matches, always},
			{updateStaged(t, staging, p), updates, always},
			{insertMissing(t, staging, p), inserts, missing},
		}
	}
	places := beside(staging, pairsSuffix)
	pairUp, count := createPairs(places, t, staging, p), countPairs(places)
	return []step{
		{pairUp, nothing, always},
		{count, pairs, always},
		{deleteDoubles(t, staging, key), nothing, doubles},
		{dropIfThere(places), nothing, doubles},
		{pairUp, nothing, doubles},
		{count, pairs, doubles},
		{byPlace, nothing, differing},
		{updatePairs(t, staging, places, p), changes, differing},
		{byAnyWay, nothing, differing},
		{dropIfThere(places), nothing, always},
		{insertMissing(t, staging, p), inserts, missing},
	}
}

// removals gives the SQL that removes what a merge was told to remove, while
// the staged rows that say so are still there.
func (p *plan) removals(staging destination.TableName) (list []step) {
	t := p.spec.Table
	windowed := p.spec.Mode == destination.DeleteInsert
	if windowed {
		if p.way == window {
			return append(list, step{deleteWindow(t, p.cursor, p.spec.From, p.spec.To, ""), nothing, always})
		}
		stays := fmt.Sprintf("\nAND NOT EXISTS (SELECT 1 FROM %s AS s WHERE %s AND %s)",
			qualify(staging), matching(p.keyColumns()), alive("s", p.deleted))
		list = append(list, step{deleteWindow(t, p.cursor, p.spec.From, p.spec.To, stays), removes, always})
	}
	if !windowed && p.spec.Mode != destination.Merge {
		return nil
	}
	if p.deleted != "" {
		list = append(list, step{deleteDead(t, staging, p.keyColumns(), p.deleted), removes, dead})
	}
	return append(list, step{deleteErased(t, staging, beside(staging, goneSuffix), p.keyColumns(), p.stagedKey(), p.deleted), removes, erased})
}

// alterations gives the SQL that changes the table's columns.
func (p *plan) alterations() (list []string) {
	t := qualify(p.spec.Table)
	for _, c := range p.added {
		list = append(list, "ALTER TABLE "+t+" ADD COLUMN "+quote(c.name)+" "+c.target)
	}
	for _, c := range p.widened {
		list = append(list, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s USING CAST(%s AS %s)", t, quote(c.name), c.target, quote(c.name), c.target))
	}
	return list
}

// stagedKey are the key's columns for joining staged rows to staged keys.
func (p *plan) stagedKey() []column {
	list := p.keyColumns()
	for i := range list {
		list[i].target, list[i].collation = list[i].kind, ""
	}
	return list
}

// lockTable keeps other writers away until the commit. Readers wait for it only
// when columns have to change.
func (p *plan) lockTable() string {
	mode := "SHARE ROW EXCLUSIVE"
	if len(p.added)+len(p.widened) > 0 {
		mode = "ACCESS EXCLUSIVE"
	}
	return "LOCK TABLE " + qualify(p.spec.Table) + " IN " + mode + " MODE"
}

func rename(from destination.TableName, to string) string {
	return "ALTER TABLE " + qualify(from) + " RENAME TO " + quote(to)
}

// vacuumAgain undoes what createTable keeps from a staging table.
func vacuumAgain(staging destination.TableName) string {
	return "ALTER TABLE " + qualify(staging) + " RESET (autovacuum_enabled)"
}

// identifyRows lets rows of a table without a unique index be replicated.
func identifyRows(t destination.TableName) string {
	return "ALTER TABLE " + qualify(t) + " REPLICA IDENTITY FULL"
}

func createIndex(t destination.TableName, key []string) string {
	return fmt.Sprintf("CREATE INDEX ON %s (%s)", qualify(t), quoteAll(key))
}

// matching compares the key of the table's row t with that of a staged one s,
// in the type of the table, whose index can serve then.
func matching(key []column) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = "t." + quote(k.name) + " = " + cast(k)
		if k.collation != "" {
			parts[i] += " COLLATE " + k.collation
		}
	}
	return strings.Join(parts, " AND ")
}

// dropOlder removes all but the newest row of each key from the staged ones.
func dropOlder(staging destination.TableName, key []string, cursor string) string {
	order := "ctid"
	if cursor != "" {
		order = quote(cursor) + " DESC NULLS LAST, ctid"
	}
	return fmt.Sprintf(`DELETE FROM %[1]s WHERE ctid IN (
	SELECT id FROM (
		SELECT ctid AS id, row_number() OVER (PARTITION BY %[2]s ORDER BY %[3]s) AS n FROM %[1]s
		WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s GROUP BY %[2]s HAVING count(*) > 1)
	) AS doubles WHERE n > 1
)`, qualify(staging), quoteAll(key), order)
}

// alive and dead tell staged rows apart by the column that marks deleted ones;
// without one all are alive.
func alive(alias, deleted string) string {
	if deleted == "" {
		return "true"
	}
	return alias + "." + quote(deleted) + " IS DISTINCT FROM true"
}

// dropDead removes the staged rows that are marked deleted.
func dropDead(staging destination.TableName, deleted string) string {
	return "DELETE FROM " + qualify(staging) + " AS s WHERE NOT (" + alive("s", deleted) + ")"
}

// dropKnown removes the staged rows that the table has already: of the same
// key and the same cursor.
func dropKnown(t, staging destination.TableName, p *plan) string {
	cursor := p.columns[slices.IndexFunc(p.columns, func(c column) bool { return c.name == p.cursor })]
	return fmt.Sprintf("DELETE FROM %s AS s WHERE EXISTS (\n\tSELECT 1 FROM %s AS t WHERE %s AND t.%s IS NOT DISTINCT FROM %s\n)",
		qualify(staging), qualify(t), matching(p.keyColumns()), quote(cursor.name), cast(cursor))
}

// deleteDead removes the rows of the table whose key was staged in a row that
// is marked deleted.
func deleteDead(t, staging destination.TableName, key []column, deleted string) string {
	return fmt.Sprintf("DELETE FROM %s AS t USING %s AS s\nWHERE %s AND NOT (%s)", qualify(t), qualify(staging), matching(key), alive("s", deleted))
}

// deleteErased removes the rows whose key is in gone, unless the key was staged
// in a row that is alive.
func deleteErased(t, staging, gone destination.TableName, key, staged []column, deleted string) string {
	same := make([]string, len(staged))
	for i, k := range staged {
		same[i] = "a." + quote(k.name) + " = s." + quote(k.name)
	}
	return fmt.Sprintf("DELETE FROM %s AS t USING %s AS s\nWHERE %s\nAND NOT EXISTS (SELECT 1 FROM %s AS a WHERE %s AND %s)",
		qualify(t), qualify(gone), matching(key), qualify(staging), strings.Join(same, " AND "), alive("a", deleted))
}

// deleteUnmatched removes the rows of t whose key is not among those staged.
func deleteUnmatched(t, staging destination.TableName, key []column, also string) string {
	return fmt.Sprintf("DELETE FROM %s AS t\nWHERE NOT EXISTS (SELECT 1 FROM %s AS s WHERE %s)%s", qualify(t), qualify(staging), matching(key), also)
}

// deleteDoubles removes the rows of a key that the table has twice; one will be
// inserted in their place.
func deleteDoubles(t, staging destination.TableName, key []column) string {
	list := make([]string, len(key))
	for i, k := range key {
		list[i] = "t." + quote(k.name)
	}
	columns := strings.Join(list, ", ")
	return fmt.Sprintf("DELETE FROM %[1]s AS t WHERE (%[2]s) IN (\n\tSELECT %[2]s FROM %[1]s AS t JOIN %[3]s AS s ON %[4]s GROUP BY %[2]s HAVING count(*) > 1\n)",
		qualify(t), columns, qualify(staging), matching(key))
}

// countMatches counts the rows of the table whose key was staged.
func countMatches(t, staging destination.TableName, key []column) string {
	return fmt.Sprintf("SELECT count(*) FROM %s AS t JOIN %s AS s ON %s", qualify(t), qualify(staging), matching(key))
}

// deleteWindow removes the rows whose cursor is in a window.
func deleteWindow(t destination.TableName, cursor string, from, to time.Time, also string) string {
	var bounds []string
	if !from.IsZero() {
		bounds = append(bounds, "t."+quote(cursor)+" >= "+instant(from))
	}
	if !to.IsZero() {
		bounds = append(bounds, "t."+quote(cursor)+" < "+instant(to))
	}
	return "DELETE FROM " + qualify(t) + " AS t WHERE " + strings.Join(bounds, " AND ") + also
}

func instant(at time.Time) string {
	return "TIMESTAMPTZ " + literal(at.UTC().Format("2006-01-02 15:04:05.999999")+"+00")
}

// assign gives the assignments of the staged values, and the condition that one
// of them differs from the table's; that is "" when there is nothing but the key.
func (p *plan) assign() (set, differ string) {
	var sets, differences []string
	for _, c := range p.columns {
		if slices.Contains(p.key, c.name) {
			continue
		}
		value := cast(c)
		sets = append(sets, quote(c.name)+" = "+value)
		if c.field != p.spec.Stamp {
			differences = append(differences, differs("t."+quote(c.name), value, c.target))
		}
	}
	if p.spec.Mode == destination.Replace {
		for _, v := range p.emptied() {
			sets = append(sets, quote(v)+" = NULL")
			differences = append(differences, "t."+quote(v)+" IS NOT NULL")
		}
	}
	return strings.Join(sets, ", "), strings.Join(differences, "\n\tOR ")
}

// updateStaged writes the staged values over those of the rows that differ; ""
// when there is nothing but the key.
func updateStaged(t, staging destination.TableName, p *plan) string {
	set, differ := p.assign()
	if differ == "" {
		return ""
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s\nFROM %s AS s\nWHERE %s\nAND (%s)", qualify(t), set, qualify(staging), matching(p.keyColumns()), differ)
}

// createPairs writes down where the rows are that the table and the staging
// have both, and whether they differ. Unlike an UPDATE, it is done by several
// processes of the server.
func createPairs(places, t, staging destination.TableName, p *plan) string {
	_, differ := p.assign()
	if differ == "" {
		differ = "false"
	}
	return fmt.Sprintf("CREATE UNLOGGED TABLE %s AS\nSELECT t.ctid AS place, s.ctid AS staged, (%s) AS differs\nFROM %s AS t JOIN %s AS s ON %s",
		qualify(places), differ, qualify(t), qualify(staging), matching(p.keyColumns()))
}

// countPairs counts the pairs, the staged rows in them and the rows that differ.
func countPairs(places destination.TableName) string {
	return "SELECT count(*), count(DISTINCT staged), count(*) FILTER (WHERE differs) FROM " + qualify(places)
}

// updatePairs writes the staged values over those of the rows that differ, in
// the order of their places, so that each page is read and written once. No row
// has moved since the pairs were found: others are locked out.
func updatePairs(t, staging, places destination.TableName, p *plan) string {
	set, _ := p.assign()
	return fmt.Sprintf("UPDATE %s AS t SET %s\nFROM (SELECT place, staged FROM %s WHERE differs ORDER BY place) AS p, %s AS s\nWHERE t.ctid = p.place AND s.ctid = p.staged", qualify(t), set, qualify(places), qualify(staging))
}

// byPlace lets the planner look rows up where they are, which it takes for
// slower than it is; byAnyWay takes that back.
const (
	byPlace  = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
	byAnyWay = "SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT"
)

// insertStaged copies the staged rows into the table, each column cast to the
// type it has there.
func insertStaged(t, staging destination.TableName, columns []column) string {
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = cast(c)
	}
	return fmt.Sprintf("INSERT INTO %s (%s)\nSELECT %s\nFROM %s AS s",
		qualify(t), quoteAll(names(columns)), strings.Join(values, ", "), qualify(staging))
}

// insertMissing is insertStaged for the rows whose key the table does not have.
func insertMissing(t, staging destination.TableName, p *plan) string {
	return insertStaged(t, staging, p.columns) +
		fmt.Sprintf("\nWHERE NOT EXISTS (SELECT 1 FROM %s AS t WHERE %s)", qualify(t), matching(p.keyColumns()))
}

// countStaged counts the staged rows, their keys, or at most as many less as
// share a hash, and the rows that are marked deleted. Numbers are sorted here in
// a sixth of the time that it takes to group by them.
func countStaged(staging destination.TableName, p *plan) string {
	keys := "count(*)"
	if p.unique() {
		keys = "count(DISTINCT (" + quoteAll(p.key) + "))"
		if key := p.keyColumns(); len(key) == 1 && key[0].kind == text {
			keys = "count(DISTINCT hashtextextended(" + quote(key[0].name) + ", 0))"
		}
	}
	return fmt.Sprintf("SELECT count(*), %s, count(*) FILTER (WHERE NOT (%s))\nFROM %s AS s", keys, alive("s", p.deleted), qualify(staging))
}

func dropBeside(staging destination.TableName) string {
	return dropIfThere(beside(staging, partsSuffix), beside(staging, goneSuffix), beside(staging, keptSuffix))
}
