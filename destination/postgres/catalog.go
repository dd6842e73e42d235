package postgres

// This file holds the SQL that asks the catalog, as text.

const (
	// selectSchema tells whether a schema is there, and whether we may make
	// tables in it, or it.
	selectSchema = `SELECT n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE'), has_database_privilege(current_database(), 'CREATE'))
FROM (SELECT $1::text AS name) AS w LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.name`

	// selectRelation gives what is under a name, and the rights to it that we
	// lack.
	selectRelation = `SELECT c.oid::bigint, c.relkind::text, c.relhasrules, c.relhassubclass, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE'),
	(SELECT coalesce(string_agg(p, ', '), '') FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p WHERE NOT has_table_privilege(c.oid, p))
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2`

	selectColumns = `SELECT a.attname,
	CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END,
	format_type(a.atttypid, a.atttypmod), t.typtype = 'e', a.attnotnull OR t.typnotnull,
	a.atthasdef AND a.attgenerated = '' OR t.typdefault IS NOT NULL, a.attgenerated::text, a.attidentity::text,
	CASE WHEN a.attcollation NOT IN (0, 'pg_catalog."default"'::regcollation) THEN a.attcollation::regcollation::text ELSE '' END
FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

	selectReferrers = `SELECT DISTINCT n.nspname || '.' || c.relname
FROM pg_catalog.pg_constraint AS f JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.confrelid = $1::oid
ORDER BY 1`

	// selectReferred gives the tables that foreign keys of a table point at, and
	// those that theirs do: a row that is deleted in one takes rows of all along.
	selectReferred = `WITH RECURSIVE referred AS (
	SELECT f.confrelid AS oid FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' AND f.conrelid = $1::oid
	UNION SELECT f.confrelid FROM pg_catalog.pg_constraint AS f JOIN referred AS r ON f.conrelid = r.oid WHERE f.contype = 'f'
)
SELECT n.nspname, c.relname
FROM referred AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.oid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE r.oid <> $1::oid
ORDER BY 1, 2`

	// selectPinned gives what keeps PostgreSQL from changing a column's type.
	selectPinned = `SELECT DISTINCT a.attname, pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $1::oid
AND d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass)
ORDER BY 1, 2`

	// selectStaging gives what is staged in a schema, or in all for "", in tables
	// that we may drop. Their names are in a range, which an index has, of $2 and
	// up to $3.
	selectStaging = `SELECT n.nspname, c.relname, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE ($1 = '' OR n.nspname = $1) AND c.relname >= $2::name AND c.relname < $3::name AND c.relkind = 'r'
AND pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY n.nspname, c.relname`

	// selectReplicated says whether a publication has a table.
	selectReplicated = `SELECT EXISTS (SELECT FROM pg_catalog.pg_publication_tables WHERE schemaname = $1 AND tablename = $2)`

	// selectServer tells whether the server takes writes, and how it encodes.
	selectServer = `SELECT pg_is_in_recovery(), current_setting('server_encoding')`

	// selectHolder tells who holds an advisory lock of one bigint.
	selectHolder = `SELECT a.pid, coalesce(a.usename::text, ''), coalesce(a.client_addr::text, ''), coalesce(a.backend_start, now())
FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
AND l.objsubid = 1 AND (l.classid::bigint << 32) | l.objid::bigint = $1
LIMIT 1`
)
