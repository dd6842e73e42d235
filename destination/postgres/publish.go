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
	// matches counts the keys that the table has of the staged ones, which are
	// not to be inserted, and the rows that have them.
	matches
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
		for _, s := range statements {
			list = append(list, step{s, counts})
		}
	}
	if p.unique() {
		do(passes, dropOlder(staging, p.key, p.cursor))
	}
	if p.way == create {
		if p.deleted != "" {
			do(passes, dropDead(staging, p.deleted))
		}
		do(nothing, dropBeside(staging)...)
		do(nothing, comment(staging, ""), rename(staging, t.Table))
		if len(p.key) > 0 {
			do(nothing, createIndex(t, p.key))
		}
		return list
	}
	do(nothing, p.alterations()...)
	do(nothing, analyze(staging, p.key))
	if keeps && (p.spec.Mode == destination.Merge || p.spec.Mode == destination.Append) {
		do(unkept, deleteUnmatched(t, beside(staging, keptSuffix), p.keyColumns(), ""))
		do(passes, deleteUnmatched(staging, beside(staging, keptSuffix), p.stagedKey(), ""))
	}
	list = append(list, p.removals(staging)...)
	if p.deleted != "" {
		do(passes, dropDead(staging, p.deleted))
	}
	switch p.way {
	case match:
		if p.spec.Mode == destination.Replace {
			do(removes, deleteUnmatched(t, staging, p.keyColumns(), ""))
		}
		do(nothing, deleteDoubles(t, staging, p.keyColumns()))
		do(matches, countMatches(t, staging, p.keyColumns()))
		if u := updateStaged(t, staging, p); u != "" {
			do(updates, u)
		}
		do(inserts, insertMissing(t, staging, p))
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
	do(nothing, dropBeside(staging)...)
	do(nothing, dropIfThere(staging))
	return list
}

// removals gives the SQL that removes what a merge was told to remove, while
// the staged rows that say so are still there.
func (p *plan) removals(staging destination.TableName) (list []step) {
	t := p.spec.Table
	windowed := p.spec.Mode == destination.DeleteInsert
	if windowed {
		if p.way == window {
			return append(list, step{deleteWindow(t, p.cursor, p.spec.From, p.spec.To, ""), nothing})
		}
		stays := fmt.Sprintf("\nAND NOT EXISTS (SELECT 1 FROM %s AS s WHERE %s AND %s)",
			qualify(staging), matching(p.keyColumns()), alive("s", p.deleted))
		list = append(list, step{deleteWindow(t, p.cursor, p.spec.From, p.spec.To, stays), removes})
	}
	if !windowed && p.spec.Mode != destination.Merge {
		return nil
	}
	if p.deleted != "" {
		list = append(list, step{deleteDead(t, staging, p.keyColumns(), p.deleted), removes})
	}
	return append(list, step{deleteErased(t, staging, beside(staging, goneSuffix), p.keyColumns(), p.stagedKey(), p.deleted), removes})
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

// updateStaged writes the staged values over those of the rows that differ; ""
// when there is nothing but the key.
func updateStaged(t, staging destination.TableName, p *plan) string {
	var set, differ []string
	for _, c := range p.columns {
		if slices.Contains(p.key, c.name) {
			continue
		}
		value := cast(c)
		set = append(set, quote(c.name)+" = "+value)
		if c.field != p.spec.Stamp {
			differ = append(differ, differs("t."+quote(c.name), value, c.target))
		}
	}
	if p.spec.Mode == destination.Replace {
		for _, v := range p.vanished {
			set = append(set, quote(v)+" = NULL")
			differ = append(differ, "t."+quote(v)+" IS NOT NULL")
		}
	}
	if len(set) == 0 {
		return ""
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s\nFROM %s AS s\nWHERE %s\nAND (%s)",
		qualify(t), strings.Join(set, ", "), qualify(staging), matching(p.keyColumns()), strings.Join(differ, "\n\tOR "))
}

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

func dropBeside(staging destination.TableName) (list []string) {
	for _, suffix := range []string{partsSuffix, goneSuffix, keptSuffix} {
		list = append(list, dropIfThere(beside(staging, suffix)))
	}
	return list
}
