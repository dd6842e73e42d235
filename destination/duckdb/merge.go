package duckdb

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/destination"
)

// This file holds the SQL of merging, as text. The staged rows are joined to
// the table by key, so that no constraint is needed; DuckDB builds the hash of
// such a join on the smaller side, the staged one.

// matching compares the key columns of two relations.
func matching(a, b string, key []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = a + "." + quote(k) + " = " + b + "." + quote(k)
	}
	return strings.Join(parts, " AND ")
}

// dropOlder removes all but the newest row of each key from the staged ones.
func dropOlder(db string, staging destination.TableName, key []string, cursor string) string {
	order := "rowid"
	if cursor != "" {
		order = quote(cursor) + " DESC NULLS LAST, rowid"
	}
	return fmt.Sprintf("DELETE FROM %[1]s WHERE rowid IN (\n\tSELECT id FROM (SELECT rowid AS id, row_number() OVER (PARTITION BY %[2]s ORDER BY %[3]s) AS n FROM %[1]s)\n\tWHERE n > 1)",
		qualify(db, staging), quoteAll(key), order)
}

// hasDoubles tells whether a key was staged twice.
func hasDoubles(db string, staging destination.TableName, key []string) string {
	return fmt.Sprintf("SELECT count(*) <> count(DISTINCT (%s)) FROM %s", quoteAll(key), qualify(db, staging))
}

// dropKnown removes the staged rows that the table has already: of the same
// key and the same cursor.
func dropKnown(db string, t, staging destination.TableName, key []string, cursor string) string {
	return fmt.Sprintf("DELETE FROM %s AS s WHERE EXISTS (SELECT 1 FROM %s AS t WHERE %s AND t.%s IS NOT DISTINCT FROM s.%s)",
		qualify(db, staging), qualify(db, t), matching("t", "s", key), quote(cursor), quote(cursor))
}

// alive and dead tell staged rows apart by the column that marks deleted ones;
// without one all are alive.
func alive(alias, deleted string) string {
	if deleted == "" {
		return "true"
	}
	return alias + "." + quote(deleted) + " IS DISTINCT FROM true"
}

func dead(alias, deleted string) string { return "NOT (" + alive(alias, deleted) + ")" }

// dropDead removes the staged rows that are marked deleted.
func dropDead(db string, staging destination.TableName, deleted string) string {
	return "DELETE FROM " + qualify(db, staging) + " AS s WHERE " + dead("s", deleted)
}

// deleteStaged removes the rows of the table whose key was staged, in a row for
// which the condition on s holds.
func deleteStaged(db string, t, staging destination.TableName, key []string, condition string) string {
	return fmt.Sprintf("DELETE FROM %s AS t USING %s AS s WHERE %s AND %s", qualify(db, t), qualify(db, staging), matching("t", "s", key), condition)
}

// deleteErased removes the rows whose key is in gone, unless the key was staged
// in a row that is alive.
func deleteErased(db string, t, staging, gone destination.TableName, key []string, deleted string) string {
	return fmt.Sprintf("DELETE FROM %s AS t USING %s AS g WHERE %s\nAND NOT EXISTS (SELECT 1 FROM %s AS s WHERE %s AND %s)",
		qualify(db, t), qualify(db, gone), matching("t", "g", key), qualify(db, staging), matching("s", "g", key), alive("s", deleted))
}

// updateStaged writes the staged values over those of the rows that differ.
func updateStaged(db string, t, staging destination.TableName, columns []column, key []string) string {
	var set, differ []string
	for _, c := range columns {
		if slices.Contains(key, c.name) {
			continue
		}
		value := cast("s."+quote(c.name), c)
		set = append(set, quote(c.name)+" = "+value)
		differ = append(differ, "t."+quote(c.name)+" IS DISTINCT FROM "+value)
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s\nFROM %s AS s WHERE %s\nAND (%s)",
		qualify(db, t), strings.Join(set, ", "), qualify(db, staging), matching("t", "s", key), strings.Join(differ, " OR "))
}

// deleteWindow removes the rows whose cursor is in a window.
func deleteWindow(db string, t destination.TableName, cursor string, from, to time.Time) string {
	var bounds []string
	if !from.IsZero() {
		bounds = append(bounds, quote(cursor)+" >= "+timestamp(from))
	}
	if !to.IsZero() {
		bounds = append(bounds, quote(cursor)+" < "+timestamp(to))
	}
	return "DELETE FROM " + qualify(db, t) + " WHERE " + strings.Join(bounds, " AND ")
}

func timestamp(at time.Time) string {
	return "TIMESTAMPTZ " + literal(at.UTC().Format("2006-01-02 15:04:05.999999")+"+00")
}

// The states of all tables, in one table of the file.

func createStates(db string) string {
	return "CREATE TABLE IF NOT EXISTS " + qualify(db, stateTable) +
		" (org VARCHAR NOT NULL, source VARCHAR NOT NULL, dest VARCHAR NOT NULL, state VARCHAR NOT NULL, updated TIMESTAMPTZ NOT NULL)"
}

const whereState = " WHERE org = $1 AND source = $2 AND dest = $3"

func selectState(db string) string {
	return "SELECT state FROM " + qualify(db, stateTable) + whereState
}

func selectStates(db string) string {
	return "SELECT org, source, dest, state FROM " + qualify(db, stateTable) + " ORDER BY ALL"
}

func deleteState(db string) string { return "DELETE FROM " + qualify(db, stateTable) + whereState }

func insertState(db string) string {
	return "INSERT INTO " + qualify(db, stateTable) + " VALUES ($1, $2, $3, $4, $5)"
}
