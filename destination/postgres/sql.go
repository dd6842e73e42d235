package postgres

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/destination"
)

// This file holds the SQL that the package sends, as text; others run it. See
// publish.go for that of a commit, and catalog.go for the questions about a
// table.

// quote makes an identifier of any text.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal makes a string literal of any text, whatever the server's
// standard_conforming_strings.
func literal(s string) string {
	s = strings.ReplaceAll(s, `'`, `''`)
	if strings.Contains(s, `\`) {
		return ` E'` + strings.ReplaceAll(s, `\`, `\\`) + `'`
	}
	return `'` + s + `'`
}

func qualify(t destination.TableName) string { return quote(t.Schema) + "." + quote(t.Table) }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}

func names(columns []column) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return list
}

// begin starts a transaction that may write, whatever the role's defaults, and
// in which each statement sees what was committed before it. An error is
// better than rows that a policy hides from us.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL row_security = off; " + settings

// beginReading starts one that also a replica takes.
const beginReading = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL row_security = off; " + settings

// settings undo what a role or a database may have been given, for one
// transaction: timeouts that are meant for people and for other programs, but
// not those of the address; and forms of numbers and dates as text that would
// not give the value back.
const settings = `SELECT set_config(name, '0', true) FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout') AND source <> 'client' AND setting <> '0';
SET LOCAL extra_float_digits = 3; SET LOCAL datestyle = 'ISO, YMD'`

// lockTimeout bounds how long a statement waits for a lock.
func lockTimeout(d time.Duration) string {
	return fmt.Sprintf("SET LOCAL lock_timeout = %d", d.Milliseconds())
}

// beginCommit starts the transaction of a commit.
const beginCommit = begin + "; " + commitSettings + "; " + durable

// commitSettings let the joins of a commit keep keys in memory, and keep the
// server from compiling comparisons of many columns, which takes longer than
// they do: 1 s of CPU time a process for 70 columns.
const commitSettings = "SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '128MB'; SET LOCAL jit = off"

// durable makes COMMIT wait for the disk: a state that is kept elsewhere would
// outlive the rows else.
const durable = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"

// lockName takes an advisory lock until the transaction ends; it works where a
// pooler gives each transaction another session.
func lockName(key int64) string {
	return fmt.Sprintf("SELECT pg_advisory_xact_lock('%d'::bigint)", key)
}

func shareLockName(key int64) string {
	return fmt.Sprintf("SELECT pg_advisory_xact_lock_shared('%d'::bigint)", key)
}

const tryLockName = "SELECT pg_try_advisory_xact_lock($1::bigint)"

// tryLockTable takes an advisory lock until it is given back, or the session
// ends; isFree says whether nobody has one, but for those who share it.
const (
	tryLockTable = "SELECT pg_try_advisory_lock($1::bigint)"
	unlockTable  = "SELECT pg_advisory_unlock($1::bigint)"
	unlockAll    = "SELECT pg_advisory_unlock_all()"
	isFree       = "SELECT CASE WHEN pg_try_advisory_lock_shared($1::bigint) THEN pg_advisory_unlock_shared($1::bigint) ELSE false END"
)

func createSchema(schema string) string { return "CREATE SCHEMA IF NOT EXISTS " + quote(schema) }

// createTable makes a table of columns in the types they are staged in.
func createTable(t destination.TableName, columns []column) string {
	return "CREATE TABLE " + definition(t, columns)
}

// createStaging makes a table to stage rows in. An unlogged one is quick to fill
// and is emptied by a crash of the server. Autovacuum would read it again and
// again while it grows, and a statement of ours that meets it waits for a second.
func createStaging(t destination.TableName, columns []column, logged bool) string {
	what := "CREATE UNLOGGED TABLE "
	if logged {
		what = "CREATE TABLE "
	}
	return what + definition(t, columns) + " WITH (autovacuum_enabled = false)"
}

func definition(t destination.TableName, columns []column) string {
	lines := make([]string, len(columns))
	for i, c := range columns {
		lines[i] = "\t" + quote(c.name) + " " + c.kind
		if c.notNull {
			lines[i] += " NOT NULL"
		}
	}
	return qualify(t) + " (\n" + strings.Join(lines, ",\n") + "\n)"
}

// createParts makes the table of the parts that were staged. It loses its rows
// whenever the staging table does.
func createParts(t destination.TableName, logged bool) string {
	return createStaging(t, []column{{name: "part", kind: text, notNull: true}, {name: "rows", kind: bigint, notNull: true}}, logged)
}

func insertPart(t destination.TableName) string {
	return "INSERT INTO " + qualify(t) + " (part, rows) VALUES ($1, $2)"
}

func selectParts(t destination.TableName) string {
	return "SELECT part, rows FROM " + qualify(t)
}

func countParts(t destination.TableName) string {
	return "SELECT coalesce(sum(rows), 0)::bigint FROM " + qualify(t)
}

// comment writes down what a staging table is for.
func comment(t destination.TableName, text string) string {
	return "COMMENT ON TABLE " + qualify(t) + " IS " + literal(text)
}

// copyIn takes rows in the binary format of COPY.
func copyIn(t destination.TableName, columns []column) string {
	return fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", qualify(t), quoteAll(names(columns)))
}

// keepTable keeps others from dropping a table, and fails when they have.
func keepTable(t destination.TableName) string {
	return "LOCK TABLE " + qualify(t) + " IN ACCESS SHARE MODE"
}

func dropIfThere(tables ...destination.TableName) string {
	list := make([]string, len(tables))
	for i, t := range tables {
		list[i] = qualify(t)
	}
	return "DROP TABLE IF EXISTS " + strings.Join(list, ", ")
}

// dropEmptySchema fails when somebody uses the schema by now.
func dropEmptySchema(schema string) string { return "DROP SCHEMA " + quote(schema) }

func countRows(t destination.TableName) string { return "SELECT count(*) FROM " + qualify(t) }

func newestRow(t destination.TableName, cursor string) string {
	return fmt.Sprintf("SELECT max(%s) FROM %s", quote(cursor), qualify(t))
}

// analyze tells the planner about the columns that staged rows are joined by.
func analyze(t destination.TableName, key []string) string {
	if len(key) == 0 {
		return "ANALYZE " + qualify(t)
	}
	return fmt.Sprintf("ANALYZE %s (%s)", qualify(t), quoteAll(key))
}

// misfits finds a staged row with a value that its column would change: the
// row's key and the value, one row at most. A value that the column's type
// does not take at all makes the query fail.
func misfits(staging destination.TableName, c column, key []string) string {
	back := fmt.Sprintf("CAST(%s AS %s)", cast(c), c.kind)
	if c.kind == float {
		back = fmt.Sprintf("CAST(CAST(%s AS text) AS %s)", cast(c), c.kind)
	}
	wrong := differs(back, "s."+quote(c.name), c.kind)
	if c.target == "jsonb" {
		// It keeps the meaning of a JSON text, not its blanks.
		wrong = cast(c) + " IS NULL AND s." + quote(c.name) + " IS NOT NULL"
	}
	return fmt.Sprintf("SELECT %s, CAST(s.%s AS text)\nFROM %s AS s\nWHERE %s\nLIMIT 1",
		label(key), quote(c.name), qualify(staging), wrong)
}

// nulls finds a staged row without a value for a column that needs one.
func nulls(staging destination.TableName, c column, key []string) string {
	return fmt.Sprintf("SELECT %s\nFROM %s AS s\nWHERE s.%s IS NULL\nLIMIT 1", label(key), qualify(staging), quote(c.name))
}

// castable counts the staged values of some blocks in the type of their
// column, which fails when one of them is none of it.
func castable(staging destination.TableName, c column) string {
	return fmt.Sprintf("SELECT count(CAST(%s AS text)) FROM %s AS s WHERE s.ctid >= $1::text::tid AND s.ctid < $2::text::tid", cast(c), qualify(staging))
}

// rowAt reads one staged row by its place.
func rowAt(staging destination.TableName, c column, key []string) string {
	return fmt.Sprintf("SELECT %s, CAST(s.%s AS text) FROM %s AS s WHERE s.ctid = $1::text::tid", label(key), quote(c.name), qualify(staging))
}

// lastBlock is the number of the block after the last of a table.
func lastBlock(t destination.TableName) string {
	return "SELECT pg_relation_size(" + literal(qualify(t)) + "::regclass) / current_setting('block_size')::bigint"
}

// label is the key of a staged row as text.
func label(key []string) string {
	if len(key) == 0 {
		return "'a row'"
	}
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = "s." + quote(k)
	}
	return "concat_ws(', ', " + strings.Join(parts, ", ") + ")"
}

// cast gives the value of a staged row s in the type of its column.
func cast(c column) string {
	value := "s." + quote(c.name)
	switch {
	case c.exact():
		return value
	case c.kind == float && isNumeric(c.target):
		// The direct cast rounds to 15 digits.
		return "CAST(CAST(" + value + " AS text) AS " + c.target + ")"
	default:
		return "CAST(" + value + " AS " + c.target + ")"
	}
}

// differs compares two values of a type to the last byte: texts without their
// collation, which may take different ones for equal.
func differs(a, b, kind string) string {
	if !slices.Contains([]string{boolean, bigint, float, date, timestamp, clock, bytea}, kind) {
		a, b = "CAST("+a+` AS text) COLLATE "C"`, "CAST("+b+` AS text) COLLATE "C"`
	}
	return a + " IS DISTINCT FROM " + b
}

// What a table holds, for a comparison.

// selectTotals adds up the rows between each two bounds: the number of the
// bounds before them, how many they are, the newest, and of each sum the sum and
// the size.
func selectTotals(t destination.TableName, o destination.Outline) string {
	period := "0"
	if len(o.Bounds) > 0 {
		bounds := make([]string, len(o.Bounds))
		for i, b := range o.Bounds {
			bounds[i] = destination.TimeLiteral(b)
		}
		period = "coalesce(width_bucket(" + timeOf(o.Clock) + ", ARRAY[" + strings.Join(bounds, ", ") + "]), 0)"
	}
	items := []string{period, "count(*)", "max(" + timeOf(o.Cursor) + ")"}
	for _, name := range o.Sums {
		n := "CAST(" + quote(name) + " AS double precision)"
		items = append(items, "coalesce(sum("+n+"), 0), coalesce(sum(abs("+n+")), 0)")
	}
	where := ""
	if o.Deleted != "" {
		where = "\nWHERE CAST(" + quote(o.Deleted) + " AS boolean) IS NOT TRUE"
	}
	return "SELECT " + strings.Join(items, ", ") + "\nFROM " + qualify(t) + where + "\nGROUP BY 1"
}

// timeOf reads a column as a moment; "" has none.
func timeOf(column string) string {
	if column == "" {
		return "CAST(NULL AS timestamptz)"
	}
	return "CAST(" + quote(column) + " AS timestamptz)"
}

// selectTexts reads rows as text.
func selectTexts(t destination.TableName, s destination.Selection) string {
	values := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		values[i] = asText(c)
	}
	return "SELECT " + strings.Join(values, ", ") + "\nFROM " + qualify(t) + s.Condition(asText, timeOf, literal)
}

func asText(column string) string { return "CAST(" + quote(column) + " AS text)" }

// The states of all tables, in one table of the database.

var createStates = "CREATE TABLE IF NOT EXISTS " + qualify(stateTable) +
	" (org text, source text, dest text, state text NOT NULL, updated timestamptz NOT NULL, PRIMARY KEY (org, source, dest))"

// hasStates tells whether there are states, and the rights that we lack to keep
// them: "" for none.
const hasStates = `SELECT t.oid IS NOT NULL, CASE
	WHEN n.oid IS NULL AND has_database_privilege(current_database(), 'CREATE') THEN ''
	WHEN n.oid IS NULL THEN 'CREATE ON DATABASE ' || quote_ident(current_database())
	WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE, CREATE ON SCHEMA ' || quote_ident(n.nspname)
	WHEN t.oid IS NULL AND NOT has_schema_privilege(n.oid, 'CREATE') THEN 'USAGE, CREATE ON SCHEMA ' || quote_ident(n.nspname)
	ELSE (SELECT coalesce(string_agg(p, ', ') || ' ON TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(t.relname), '')
		FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p WHERE NOT has_table_privilege(t.oid, p)) END
FROM (SELECT $1::text AS schema, $2::text AS name) AS w
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
LEFT JOIN pg_catalog.pg_class AS t ON t.relnamespace = n.oid AND t.relname = w.name`

const whereState = " WHERE org = $1 AND source = $2 AND dest = $3"

var (
	selectState  = "SELECT state FROM " + qualify(stateTable) + whereState
	lockStates   = "LOCK TABLE " + qualify(stateTable) + " IN EXCLUSIVE MODE"
	lockState    = selectState + " FOR UPDATE"
	selectStates = "SELECT org, source, dest, state FROM " + qualify(stateTable) + ` ORDER BY org COLLATE "C", source COLLATE "C", dest COLLATE "C"`
	deleteState  = "DELETE FROM " + qualify(stateTable) + whereState
	updateState  = "UPDATE " + qualify(stateTable) + " SET state = $4, updated = $5" + whereState
	insertState  = "INSERT INTO " + qualify(stateTable) + " (org, source, dest, state, updated) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
)
