package cli

// remarks say more about flags than a line of the help can, in sentences. They
// stand in the manual and in doc/flags.md. The key is a flag of ingest, or a
// command and a flag.
var remarks = map[string]string{
	"source-uri":           "See doc/addresses.md for each way to log in.",
	"source-table":         "Several names are joined by commas and loaded side by side; a pattern knows * and ?; all is every object that can be read as a whole. See doc/tables.md.",
	"dest-uri":             "See doc/addresses.md.",
	"dest-table":           "A name that is more than letters, digits and underscores stands in double quotes: crm.\"My Groups\". It names one table; with several, use --dest-schema.",
	"incremental-strategy": "What each makes of the table is in doc/tables.md.",
	"incremental-key":      "A datetime field; last_timestamp is SystemModstamp.",
	"primary-key":          "Names of the org, joined by commas.",
	"interval-start":       "Inclusive. A back-fill never moves the cursor back, nor over a gap.",
	"lookback":             "0s is none. Too small a value can miss rows that the org commits late; a larger one reads rows again, which changes nothing.",
	"full-refresh":         "Whatever went wrong with a table before, this mends it.",
	"reconcile":            "However long ago the rows went. It removes no more than a tenth of the table, unless --force lets it.",
	"refresh-formulas":     "Salesforce does not stamp a row when its formula changes; this reads these fields alone, of all rows, and updates the rows that differ.",
	"backfill-new-columns": "Without it a column that was added fills as rows change.",
	"deleted":              "remove takes them out of the table, keep leaves them there with is_deleted true, ignore leaves them as they were.",
	"schema-contract":      "evolve adds and widens columns; freeze stops the run before anything is written; discard_value leaves such fields out.",
	"schema-naming":        "direct is Salesforce's spelling; auto and snake_case are the same. A table that is there keeps what it has.",
	"where":                "The org evaluates it. A row for which it no longer holds leaves the table.",
	"sql-limit":            "For replace alone.",
	"fields":               "Fields that the load goes by (Id, the cursor) are read as well.",
	"columns":              "decimal takes numbers as Salesforce spells them. See doc/types.md.",
	"mask":                 "Before anything is written. See doc/types.md for the algorithms.",
	"no-load-timestamp":    "The column says when the row was written.",
	"state-uri":            "file:///var/lib/sluice/state.json or duckdb:///state.db. The rows are committed first and the state second; a crash in between makes the next run read the same rows again, which changes nothing.",
	"api-budget":           "The run stops with exit code 6 before more are used. A share counts what others have used, too; a number is of this run. The next run goes on.",
	"memory":               "DuckDB gets what the program itself does not need; from some 360 MB on two parts are written at the same time. A table of more than 75 columns needs about 1.25 MB a column more. Without the flag a load takes some 300 MB.",
	"lock-timeout":         "A DuckDB file is held by one process at a time; a table in PostgreSQL is loaded by one run at a time.",
	"nul":                  "PostgreSQL cannot hold NUL characters. error names the record, strip removes and counts them.",
	"timeout":              "The table is as it was, and the next run goes on.",
	"plan":                 "It tells the query, the rows to come, the API and why, about how many calls, Bulk jobs and seconds, and the DDL. It takes three or four calls, makes no job, and only reads from the database.",
	"json":                 "Errors are in it as well.",
	"progress":             "auto is interactive on a terminal and log elsewhere.",
	"debug":                "With status and time.",
}
