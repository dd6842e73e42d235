package duckdb

import (
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
)

// This file holds the SQL that the package sends, as text; others run it.

// quote makes an identifier of any text.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal makes a string literal of any text.
func literal(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }

// qualify names a table of the database that is loaded.
func qualify(db string, t destination.TableName) string {
	return quote(db) + "." + quote(t.Schema) + "." + quote(t.Table)
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}

func memoryLimit(bytes int64) string {
	return fmt.Sprintf("SET memory_limit = '%dKiB'", bytes>>10)
}

// tempDirectory names the directory for what does not fit into memory; "" is none.
func tempDirectory(path string) string { return "SET temp_directory = " + literal(path) }

// settings are those of every engine. Neither the machine's time zone nor the
// network has a say. A large commit writes its data once, into the file, where
// DuckDB's own thresholds would have it rewrite the file's last row group at
// each commit: 16,000 rows of 75 columns a second instead of 84,000. The log is
// moved into the file by checkpoints of our own, behind a journal.
func settings(memory int64, threads int) []string {
	return []string{
		memoryLimit(memory),
		fmt.Sprintf("SET threads = %d", 1+threads),
		tempDirectory(""),
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET GLOBAL TimeZone = 'UTC'",
		"SET preserve_insertion_order = false",
		"SET checkpoint_threshold = '1TiB'",
		"PRAGMA disable_checkpoint_on_shutdown",
		"SET auto_checkpoint_skip_wal_threshold = 1000000000000",
		"SET write_buffer_row_group_count = 1",
	}
}

// attach opens a database file under a name. Small row groups bound what a
// transaction holds before it can write a group out. A new file has the format
// of DuckDB 1.4: a checkpoint of an older one has what is known of all row groups
// in memory, 170 MB of 10,000,000 rows of 75 columns, and those before 1.3 try two
// compressions of texts, which takes a fourth more CPU time. Its blocks have that
// many bytes; a file that is there keeps its own.
func attach(path, db string, readOnly, fresh bool, block int64) string {
	options := fmt.Sprintf("TYPE duckdb, ROW_GROUP_SIZE %d", rowGroup)
	switch {
	case readOnly:
		options = "TYPE duckdb, READ_ONLY"
	case fresh:
		options += fmt.Sprintf(", STORAGE_VERSION 'v1.4.0', BLOCK_SIZE %d", block)
	}
	return fmt.Sprintf("ATTACH %s AS %s (%s)", literal(path), quote(db), options)
}

func createSchema(db, schema string) string {
	return "CREATE SCHEMA IF NOT EXISTS " + quote(db) + "." + quote(schema)
}

// createTable makes a table of columns in their final types.
func createTable(db string, t destination.TableName, columns []column) string {
	lines := make([]string, len(columns))
	for i, c := range columns {
		lines[i] = "\t" + quote(c.name) + " " + c.target
		if c.notNull {
			lines[i] += " NOT NULL"
		}
	}
	return "CREATE TABLE " + qualify(db, t) + " (\n" + strings.Join(lines, ",\n") + "\n)"
}

// insertView copies what a view hands out, whose columns are in the order of
// columns.
func insertView(db string, t destination.TableName, columns []column, view string) string {
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM memory.main.%s",
		qualify(db, t), quoteAll(names(columns)), quote(view))
}

// comment gives a table or a column ("TABLE", "COLUMN") its comment.
func comment(kind, name, text string) string {
	return "COMMENT ON " + kind + " " + name + " IS " + literal(text)
}

func dropView(view string) string { return "DROP VIEW IF EXISTS memory.main." + quote(view) }

func dropTable(db string, t destination.TableName) string { return "DROP TABLE " + qualify(db, t) }

func dropIfThere(db string, t destination.TableName) string {
	return "DROP TABLE IF EXISTS " + qualify(db, t)
}

// dropBeside drops the tables that belong to a staging table.
func dropBeside(db string, staging destination.TableName) []string {
	var list []string
	for _, suffix := range []string{partsSuffix, goneSuffix, keptSuffix} {
		list = append(list, dropIfThere(db, beside(staging, suffix)))
	}
	return list
}

// What is staged, for a run that goes on with it: a row without a part for the
// load, and one for each part.

func createParts(db string, t destination.TableName) string {
	return "CREATE TABLE " + qualify(db, t) +
		" (dest VARCHAR NOT NULL, token VARCHAR NOT NULL, shape VARCHAR NOT NULL, noted TIMESTAMPTZ NOT NULL, part VARCHAR, rows BIGINT NOT NULL)"
}

func insertPart(db string, t destination.TableName) string {
	return "INSERT INTO " + qualify(db, t) + " VALUES ($1, $2, $3, $4, $5, $6)"
}

func selectParts(db string, t destination.TableName) string {
	return "SELECT dest, token, shape, noted, part, rows FROM " + qualify(db, t) + " ORDER BY noted DESC"
}

func selectBegun(db string, t destination.TableName) string {
	return "SELECT min(noted) FROM " + qualify(db, t)
}

func selectNewest(db string, t destination.TableName, cursor string) string {
	return "SELECT max(" + quote(cursor) + ") FROM " + qualify(db, t)
}

func rename(db string, from destination.TableName, to string) string {
	return "ALTER TABLE " + qualify(db, from) + " RENAME TO " + quote(to)
}

func addColumn(db string, t destination.TableName, c column) string {
	return "ALTER TABLE " + qualify(db, t) + " ADD COLUMN " + quote(c.name) + " " + c.target
}

func widen(db string, t destination.TableName, c column) string {
	return "ALTER TABLE " + qualify(db, t) + " ALTER COLUMN " + quote(c.name) + " TYPE " + c.target
}

func deleteAll(db string, t destination.TableName) string { return "DELETE FROM " + qualify(db, t) }

func countRows(db string, t destination.TableName) string {
	return "SELECT count(*) FROM " + qualify(db, t)
}

// insertStaged copies the staged rows into the table, each column cast to the
// type it has there.
func insertStaged(db string, t, staging destination.TableName, columns []column) string {
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = cast(quote(c.name), c)
	}
	return fmt.Sprintf("INSERT INTO %s (%s)\nSELECT %s\nFROM %s",
		qualify(db, t), quoteAll(names(columns)), strings.Join(values, ", "), qualify(db, staging))
}

func cast(expression string, c column) string {
	if c.exact() {
		return expression
	}
	return "CAST(" + expression + " AS " + c.target + ")"
}

// deleteGone removes the rows whose key was not staged.
func deleteGone(db string, t, staging destination.TableName, key []string) string {
	match := make([]string, len(key))
	for i, k := range key {
		match[i] = "s." + quote(k) + " = t." + quote(k)
	}
	return fmt.Sprintf("DELETE FROM %s AS t\nWHERE NOT EXISTS (SELECT 1 FROM %s AS s WHERE %s)",
		qualify(db, t), qualify(db, staging), strings.Join(match, " AND "))
}

// countGone counts the rows whose key was not staged.
func countGone(db string, t, staging destination.TableName, key []string) string {
	return strings.Replace(deleteGone(db, t, staging, key), "DELETE FROM", "SELECT count(*) FROM", 1)
}

// upsertStaged is insertStaged for a table whose rows must not go away, not
// even for a moment: foreign keys point at them. Columns in vanished become
// NULL in the rows that stay.
func upsertStaged(db string, t, staging destination.TableName, columns []column, key, vanished []string) string {
	isKey := make(map[string]bool, len(key))
	for _, k := range key {
		isKey[k] = true
	}
	var set []string
	for _, c := range columns {
		if !isKey[c.name] {
			set = append(set, quote(c.name)+" = excluded."+quote(c.name))
		}
	}
	for _, v := range vanished {
		if !isKey[v] {
			set = append(set, quote(v)+" = NULL")
		}
	}
	do := "NOTHING"
	if len(set) > 0 {
		do = "UPDATE SET " + strings.Join(set, ", ")
	}
	return insertStaged(db, t, staging, columns) +
		"\nON CONFLICT (" + quoteAll(key) + ") DO " + do
}

// misfits finds a staged row with a value that its column would change: the
// column's name, the row's key and the value, one row at most.
func misfits(db string, staging destination.TableName, c column, key []string) string {
	label := "'a row'"
	if len(key) > 0 {
		parts := make([]string, len(key))
		for i, k := range key {
			parts[i] = "CAST(" + quote(k) + " AS VARCHAR)"
		}
		label = "concat_ws(', ', " + strings.Join(parts, ", ") + ")"
	}
	name := quote(c.name)
	return fmt.Sprintf("SELECT %s, CAST(%s AS VARCHAR)\nFROM %s\n"+
		"WHERE TRY_CAST(TRY_CAST(%s AS %s) AS %s) IS DISTINCT FROM %s\nLIMIT 1",
		label, name, qualify(db, staging), name, c.target, c.kind, name)
}

// What a table holds, for a comparison.

// selectTotals adds up the rows between each two bounds: the number of the
// bounds before them, how many they are, the newest, and of each sum the sum and
// the size.
func selectTotals(db string, t destination.TableName, o destination.Outline) string {
	inner := []string{timeOf(o.Clock) + " AS clock", timeOf(o.Cursor) + " AS newest"}
	outer := []string{period(o.Bounds, 0) + " AS period", "count(*)", "max(newest)"}
	for i, name := range o.Sums {
		inner = append(inner, fmt.Sprintf("TRY_CAST(%s AS DOUBLE) AS n%d", quote(name), i))
		outer = append(outer, fmt.Sprintf("coalesce(sum(n%d), 0), coalesce(sum(abs(n%d)), 0)", i, i))
	}
	where := ""
	if o.Deleted != "" {
		where = "\nWHERE TRY_CAST(" + quote(o.Deleted) + " AS BOOLEAN) IS NOT TRUE"
	}
	return fmt.Sprintf("SELECT %s\nFROM (SELECT %s\nFROM %s%s)\nGROUP BY period",
		strings.Join(outer, ", "), strings.Join(inner, ", "), qualify(db, t), where)
}

// period counts the bounds that clock is not before, by halves.
func period(bounds []time.Time, before int) string {
	if len(bounds) == 0 {
		return fmt.Sprint(before)
	}
	half := len(bounds) / 2
	return fmt.Sprintf("CASE WHEN clock >= %s THEN %s ELSE %s END",
		destination.TimeLiteral(bounds[half]), period(bounds[half+1:], before+half+1), period(bounds[:half], before))
}

// timeOf reads a column as a moment; "" has none.
func timeOf(column string) string {
	if column == "" {
		return "CAST(NULL AS TIMESTAMPTZ)"
	}
	return "TRY_CAST(" + quote(column) + " AS TIMESTAMPTZ)"
}

// selectTexts reads rows as text.
func selectTexts(db string, t destination.TableName, s destination.Selection) string {
	values := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		values[i] = asText(c)
	}
	return "SELECT " + strings.Join(values, ", ") + "\nFROM " + qualify(db, t) + s.Condition(asText, timeOf, literal)
}

func asText(column string) string { return "CAST(" + quote(column) + " AS VARCHAR)" }

// copyParquet writes the view "batches", whose columns are c0, c1 and so on, to a
// file.
func copyParquet(path string, schema *arrow.Schema) string {
	items := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		items[i] = fmt.Sprintf("c%d AS %s", i, quote(f.Name))
	}
	return fmt.Sprintf("COPY (SELECT %s FROM memory.main.batches) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d, USE_TMP_FILE false)",
		strings.Join(items, ", "), literal(path), rowGroup)
}

func names(columns []column) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return list
}

// What a journal needs to know of a database.
const (
	selectBlockSize = `SELECT block_size FROM pragma_database_size() WHERE database_name = ?`
	// selectOpenBlocks gives the blocks of metadata that have free pieces.
	selectOpenBlocks = `SELECT block_id FROM pragma_metadata_info(?) WHERE free_blocks > 0`
)

// What the catalog says about one table. Most of these take the database, the
// schema and the table. duckdb_tables() and duckdb_columns() describe every table
// of the database whatever is asked of them: of 500 tables of 75 columns they
// take 30 and 55 ms, so that they are for what nothing else tells.
const (
	// selectColumns takes a qualified name. It is an error of the catalog when
	// there is no such relation.
	selectColumns = `SELECT name, type, NOT "notnull", dflt_value IS NOT NULL
FROM pragma_table_info($1)
ORDER BY cid`

	// selectColumnsSlowly is for names that have a quote in them, which
	// pragma_table_info cannot read.
	selectColumnsSlowly = `SELECT column_name, data_type, is_nullable, column_default IS NOT NULL
FROM duckdb_columns()
WHERE database_name = $1 AND lower(schema_name) = lower($2) AND lower(table_name) = lower($3)
ORDER BY column_index`

	selectViews = `SELECT count(*) FROM duckdb_views()
WHERE NOT internal AND database_name = $1 AND lower(schema_name) = lower($2) AND lower(view_name) = lower($3)`

	// selectComments gives the comment of the table, whose column is '', and
	// those of its columns.
	selectComments = `SELECT '', comment FROM duckdb_tables()
WHERE database_name = $1 AND lower(schema_name) = lower($2) AND lower(table_name) = lower($3) AND comment IS NOT NULL
UNION ALL
SELECT column_name, comment FROM duckdb_columns()
WHERE database_name = $1 AND lower(schema_name) = lower($2) AND lower(table_name) = lower($3) AND comment IS NOT NULL`

	selectIndexes = `SELECT index_name, is_unique, sql FROM duckdb_indexes()
WHERE database_name = $1 AND lower(schema_name) = lower($2) AND lower(table_name) = lower($3)
ORDER BY index_name`

	// selectConstraints takes two parts of a name more. It gives the constraints
	// of the table, but NOT NULL, which the columns tell; the foreign keys that
	// point at it, of which DuckDB has none across schemas; and, by their
	// first column, which is NOT NULL, the tables whose names have these parts.
	// One query for all, as each goes through what all tables have.
	selectConstraints = `SELECT table_name, CASE WHEN mine THEN constraint_text ELSE '' END, refers,
	CASE WHEN refers THEN referenced_column_names ELSE [] END
FROM (SELECT *,
	constraint_type <> 'NOT NULL' AND lower(table_name) = lower($3) AS mine,
	constraint_type = 'FOREIGN KEY' AND lower(referenced_table) = lower($3) AS refers
	FROM duckdb_constraints() WHERE database_name = $1 AND lower(schema_name) = lower($2))
WHERE mine OR refers OR starts_with(table_name, $4) AND ends_with(table_name, $5) AND constraint_column_names = ['dest']
ORDER BY ALL`

	selectUnsaved = `SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'`

	selectSchema = `SELECT count(*) FROM duckdb_schemas()
WHERE database_name = $1 AND lower(schema_name) = lower($2)`

	selectStaging = `SELECT schema_name, table_name FROM duckdb_tables()
WHERE database_name = $1 AND starts_with(table_name, $2)
ORDER BY ALL`
)
