-- transactions
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL row_security = off; SELECT set_config(name, '0', true) FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout') AND source <> 'client' AND setting <> '0';
SET LOCAL extra_float_digits = 3; SET LOCAL datestyle = 'ISO, YMD';
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL row_security = off; SELECT set_config(name, '0', true) FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout') AND source <> 'client' AND setting <> '0';
SET LOCAL extra_float_digits = 3; SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL lock_timeout = 1000;
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL row_security = off; SELECT set_config(name, '0', true) FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout') AND source <> 'client' AND setting <> '0';
SET LOCAL extra_float_digits = 3; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '128MB'; SET LOCAL jit = off; SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';

-- catalog
SELECT n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE'), has_database_privilege(current_database(), 'CREATE'))
FROM (SELECT $1::text AS name) AS w LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.name;
SELECT c.oid::bigint, c.relkind::text, c.relhasrules, c.relhassubclass, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE'),
	(SELECT coalesce(string_agg(p, ', '), '') FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p WHERE NOT has_table_privilege(c.oid, p))
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2;
SELECT a.attname,
	CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END,
	format_type(a.atttypid, a.atttypmod), t.typtype = 'e', a.attnotnull OR t.typnotnull,
	a.atthasdef AND a.attgenerated = '' OR t.typdefault IS NOT NULL, a.attgenerated::text, a.attidentity::text,
	CASE WHEN a.attcollation NOT IN (0, 'pg_catalog."default"'::regcollation) THEN a.attcollation::regcollation::text ELSE '' END
FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;
SELECT DISTINCT n.nspname || '.' || c.relname
FROM pg_catalog.pg_constraint AS f JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.confrelid = $1::oid
ORDER BY 1;
WITH RECURSIVE referred AS (
	SELECT f.confrelid AS oid FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' AND f.conrelid = $1::oid
	UNION SELECT f.confrelid FROM pg_catalog.pg_constraint AS f JOIN referred AS r ON f.conrelid = r.oid WHERE f.contype = 'f'
)
SELECT n.nspname, c.relname
FROM referred AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.oid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE r.oid <> $1::oid
ORDER BY 1, 2;
SELECT DISTINCT a.attname, pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $1::oid
AND d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass)
ORDER BY 1, 2;
SELECT n.nspname, c.relname, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE ($1 = '' OR n.nspname = $1) AND c.relname >= $2::name AND c.relname < $3::name AND c.relkind = 'r'
AND pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY n.nspname, c.relname;
SELECT EXISTS (SELECT FROM pg_catalog.pg_publication_tables WHERE schemaname = $1 AND tablename = $2);
SELECT pg_is_in_recovery(), current_setting('server_encoding');
SELECT a.pid, coalesce(a.usename::text, ''), coalesce(a.client_addr::text, ''), coalesce(a.backend_start, now())
FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
AND l.objsubid = 1 AND (l.classid::bigint << 32) | l.objid::bigint = $1
LIMIT 1;

-- locks
SELECT pg_advisory_xact_lock('-1'::bigint);
SELECT pg_try_advisory_xact_lock($1::bigint);
SELECT pg_advisory_xact_lock_shared('1'::bigint);
SELECT pg_try_advisory_lock($1::bigint);
SELECT pg_advisory_unlock($1::bigint);
SELECT pg_advisory_unlock_all();
SELECT CASE WHEN pg_try_advisory_lock_shared($1::bigint) THEN pg_advisory_unlock_shared($1::bigint) ELSE false END;

-- states
SELECT t.oid IS NOT NULL, CASE
	WHEN n.oid IS NULL AND has_database_privilege(current_database(), 'CREATE') THEN ''
	WHEN n.oid IS NULL THEN 'CREATE ON DATABASE ' || quote_ident(current_database())
	WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE, CREATE ON SCHEMA ' || quote_ident(n.nspname)
	WHEN t.oid IS NULL AND NOT has_schema_privilege(n.oid, 'CREATE') THEN 'USAGE, CREATE ON SCHEMA ' || quote_ident(n.nspname)
	ELSE (SELECT coalesce(string_agg(p, ', ') || ' ON TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(t.relname), '')
		FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p WHERE NOT has_table_privilege(t.oid, p)) END
FROM (SELECT $1::text AS schema, $2::text AS name) AS w
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
LEFT JOIN pg_catalog.pg_class AS t ON t.relnamespace = n.oid AND t.relname = w.name;
CREATE TABLE IF NOT EXISTS "_sluice"."state" (org text, source text, dest text, state text NOT NULL, updated timestamptz NOT NULL, PRIMARY KEY (org, source, dest));
SELECT state FROM "_sluice"."state" WHERE org = $1 AND source = $2 AND dest = $3;
LOCK TABLE "_sluice"."state" IN EXCLUSIVE MODE;
SELECT state FROM "_sluice"."state" WHERE org = $1 AND source = $2 AND dest = $3 FOR UPDATE;
SELECT org, source, dest, state FROM "_sluice"."state" ORDER BY org COLLATE "C", source COLLATE "C", dest COLLATE "C";
DELETE FROM "_sluice"."state" WHERE org = $1 AND source = $2 AND dest = $3;
UPDATE "_sluice"."state" SET state = $4, updated = $5 WHERE org = $1 AND source = $2 AND dest = $3;
INSERT INTO "_sluice"."state" (org, source, dest, state, updated) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- stage
CREATE SCHEMA IF NOT EXISTS "public";
CREATE UNLOGGED TABLE "public"."_sluice_stage_account_run1" (
	"id" text NOT NULL,
	"o""dd" bigint,
	"amount" double precision,
	"is_deleted" boolean,
	"system_modstamp" timestamp with time zone
) WITH (autovacuum_enabled = false);
COMMENT ON TABLE "public"."_sluice_stage_account_run1" IS  E'it''s a \\ label';
CREATE TABLE "public"."_sluice_stage_account_run1_parts" (
	"part" text NOT NULL,
	"rows" bigint NOT NULL
) WITH (autovacuum_enabled = false);
ALTER TABLE "public"."_sluice_stage_account_run1" REPLICA IDENTITY FULL;
COPY "public"."_sluice_stage_account_run1" ("id", "o""dd", "amount", "is_deleted", "system_modstamp") FROM STDIN (FORMAT binary);
INSERT INTO "public"."_sluice_stage_account_run1_parts" (part, rows) VALUES ($1, $2);

-- keys
LOCK TABLE "public"."_sluice_stage_account_run1" IN ACCESS SHARE MODE;
CREATE UNLOGGED TABLE "public"."_sluice_stage_account_run1_gone" (
	"id" text NOT NULL
) WITH (autovacuum_enabled = false);

-- go on
SELECT part, rows FROM "public"."_sluice_stage_account_run1_parts";
SELECT max("system_modstamp") FROM "public"."_sluice_stage_account_run1";

-- misfits
SELECT concat_ws(', ', s."id", s."o""dd"), CAST(s."amount" AS text)
FROM "public"."_sluice_stage_account_run1" AS s
WHERE CAST(CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) AS double precision) IS DISTINCT FROM s."amount"
LIMIT 1;
SELECT 'a row', CAST(s."amount" AS text)
FROM "public"."_sluice_stage_account_run1" AS s
WHERE CAST(CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) AS double precision) IS DISTINCT FROM s."amount"
LIMIT 1;
SELECT concat_ws(', ', s."id")
FROM "public"."_sluice_stage_account_run1" AS s
WHERE s."o""dd" IS NULL
LIMIT 1;
SELECT count(CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text)) FROM "public"."_sluice_stage_account_run1" AS s WHERE s.ctid >= $1::text::tid AND s.ctid < $2::text::tid;
SELECT concat_ws(', ', s."id"), CAST(s."amount" AS text) FROM "public"."_sluice_stage_account_run1" AS s WHERE s.ctid = $1::text::tid;
SELECT pg_relation_size('"public"."_sluice_stage_account_run1"'::regclass) / current_setting('block_size')::bigint;

-- add up
SELECT 0, count(*), max(CAST(NULL AS timestamptz))
FROM "public"."my ""account"""
GROUP BY 1;
SELECT coalesce(width_bucket(CAST("o""dd" AS timestamptz), ARRAY[TIMESTAMPTZ '2026-03-01 00:00:00.000000+00', TIMESTAMPTZ '2026-04-01 00:00:00.000000+00']), 0), count(*), max(CAST("system_modstamp" AS timestamptz)), coalesce(sum(CAST("amount" AS double precision)), 0), coalesce(sum(abs(CAST("amount" AS double precision))), 0)
FROM "public"."my ""account"""
WHERE CAST("is_deleted" AS boolean) IS NOT TRUE
GROUP BY 1;

-- read
SELECT CAST("id" AS text)
FROM "public"."my ""account""";
SELECT CAST("id" AS text), CAST("o""dd" AS text)
FROM "public"."my ""account"""
WHERE ((CAST("created_date" AS timestamptz) < TIMESTAMPTZ '2026-03-01 00:00:00.000000+00' OR CAST("created_date" AS timestamptz) IS NULL) OR (CAST("created_date" AS timestamptz) >= TIMESTAMPTZ '2026-03-01 00:00:00.000000+00' AND CAST("created_date" AS timestamptz) < TIMESTAMPTZ '2026-04-01 00:00:00.000000+00') OR CAST("created_date" AS timestamptz) >= TIMESTAMPTZ '2026-03-01 00:00:00.000000+00' OR TRUE) AND CAST("id" AS text) IN ('it''s', '1');

-- create
SELECT count(*), count(DISTINCT hashtextextended("id", 0)), count(*) FILTER (WHERE NOT (s."is_deleted" IS DISTINCT FROM true))
FROM "public"."_sluice_stage_account_run1" AS s;
LOCK TABLE "public"."my ""account""" IN SHARE ROW EXCLUSIVE MODE;
/* older */ DELETE FROM "public"."_sluice_stage_account_run1" WHERE ctid IN (
	SELECT id FROM (
		SELECT ctid AS id, row_number() OVER (PARTITION BY "id" ORDER BY "system_modstamp" DESC NULLS LAST, ctid) AS n FROM "public"."_sluice_stage_account_run1"
		WHERE ("id") IN (SELECT "id" FROM "public"."_sluice_stage_account_run1" GROUP BY "id" HAVING count(*) > 1)
	) AS doubles WHERE n > 1
);
/* dead */ DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_parts", "public"."_sluice_stage_account_run1_gone", "public"."_sluice_stage_account_run1_kept";
COMMENT ON TABLE "public"."_sluice_stage_account_run1" IS '';
ALTER TABLE "public"."_sluice_stage_account_run1" RESET (autovacuum_enabled);
ALTER TABLE "public"."_sluice_stage_account_run1" RENAME TO "my ""account""";
CREATE INDEX ON "public"."my ""account""" ("id");

-- fill
SELECT count(*), count(*), count(*) FILTER (WHERE NOT (s."is_deleted" IS DISTINCT FROM true))
FROM "public"."_sluice_stage_account_run1" AS s;
LOCK TABLE "public"."my ""account""" IN SHARE ROW EXCLUSIVE MODE;
ANALYZE "public"."_sluice_stage_account_run1";
/* dead */ DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
DELETE FROM "public"."my ""account""";
INSERT INTO "public"."my ""account""" ("id", "o""dd", "amount", "is_deleted", "system_modstamp")
SELECT s."id", s."o""dd", CAST(CAST(s."amount" AS text) AS numeric(18,2)), s."is_deleted", s."system_modstamp"
FROM "public"."_sluice_stage_account_run1" AS s;
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_parts", "public"."_sluice_stage_account_run1_gone", "public"."_sluice_stage_account_run1_kept";
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1";

-- replace by key
SELECT count(*), count(DISTINCT hashtextextended("id", 0)), count(*) FILTER (WHERE NOT (s."is_deleted" IS DISTINCT FROM true))
FROM "public"."_sluice_stage_account_run1" AS s;
LOCK TABLE "public"."my ""account""" IN ACCESS EXCLUSIVE MODE;
/* older */ DELETE FROM "public"."_sluice_stage_account_run1" WHERE ctid IN (
	SELECT id FROM (
		SELECT ctid AS id, row_number() OVER (PARTITION BY "id" ORDER BY "system_modstamp" DESC NULLS LAST, ctid) AS n FROM "public"."_sluice_stage_account_run1"
		WHERE ("id") IN (SELECT "id" FROM "public"."_sluice_stage_account_run1" GROUP BY "id" HAVING count(*) > 1)
	) AS doubles WHERE n > 1
);
ALTER TABLE "public"."my ""account""" ADD COLUMN "o""dd" bigint;
ALTER TABLE "public"."my ""account""" ALTER COLUMN "amount" TYPE numeric(18,2) USING CAST("amount" AS numeric(18,2));
ANALYZE "public"."_sluice_stage_account_run1" ("id");
/* dead */ DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
DELETE FROM "public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "public"."_sluice_stage_account_run1" AS s WHERE t."id" = s."id" COLLATE "C");
CREATE UNLOGGED TABLE "public"."_sluice_stage_account_run1_pairs" AS
SELECT t.ctid AS place, s.ctid AS staged, (t."o""dd" IS DISTINCT FROM s."o""dd"
	OR CAST(t."amount" AS text) COLLATE "C" IS DISTINCT FROM CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) COLLATE "C"
	OR t."is_deleted" IS DISTINCT FROM s."is_deleted"
	OR t."system_modstamp" IS DISTINCT FROM s."system_modstamp"
	OR t."gone" IS NOT NULL) AS differs
FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C";
SELECT count(*), count(DISTINCT staged), count(*) FILTER (WHERE differs) FROM "public"."_sluice_stage_account_run1_pairs";
/* doubles */ DELETE FROM "public"."my ""account""" AS t WHERE (t."id") IN (
	SELECT t."id" FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C" GROUP BY t."id" HAVING count(*) > 1
);
/* doubles */ DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_pairs";
/* doubles */ CREATE UNLOGGED TABLE "public"."_sluice_stage_account_run1_pairs" AS
SELECT t.ctid AS place, s.ctid AS staged, (t."o""dd" IS DISTINCT FROM s."o""dd"
	OR CAST(t."amount" AS text) COLLATE "C" IS DISTINCT FROM CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) COLLATE "C"
	OR t."is_deleted" IS DISTINCT FROM s."is_deleted"
	OR t."system_modstamp" IS DISTINCT FROM s."system_modstamp"
	OR t."gone" IS NOT NULL) AS differs
FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C";
/* doubles */ SELECT count(*), count(DISTINCT staged), count(*) FILTER (WHERE differs) FROM "public"."_sluice_stage_account_run1_pairs";
/* differing */ SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
/* differing */ UPDATE "public"."my ""account""" AS t SET "o""dd" = s."o""dd", "amount" = CAST(CAST(s."amount" AS text) AS numeric(18,2)), "is_deleted" = s."is_deleted", "system_modstamp" = s."system_modstamp", "gone" = NULL
FROM (SELECT place, staged FROM "public"."_sluice_stage_account_run1_pairs" WHERE differs ORDER BY place) AS p, "public"."_sluice_stage_account_run1" AS s
WHERE t.ctid = p.place AND s.ctid = p.staged;
/* differing */ SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT;
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_pairs";
/* missing */ INSERT INTO "public"."my ""account""" ("id", "o""dd", "amount", "is_deleted", "system_modstamp")
SELECT s."id", s."o""dd", CAST(CAST(s."amount" AS text) AS numeric(18,2)), s."is_deleted", s."system_modstamp"
FROM "public"."_sluice_stage_account_run1" AS s
WHERE NOT EXISTS (SELECT 1 FROM "public"."my ""account""" AS t WHERE t."id" = s."id" COLLATE "C");
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_parts", "public"."_sluice_stage_account_run1_gone", "public"."_sluice_stage_account_run1_kept";
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1";

-- merge
SELECT count(*), count(DISTINCT hashtextextended("id", 0)), count(*) FILTER (WHERE NOT (s."is_deleted" IS DISTINCT FROM true))
FROM "public"."_sluice_stage_account_run1" AS s;
LOCK TABLE "public"."my ""account""" IN SHARE ROW EXCLUSIVE MODE;
/* older */ DELETE FROM "public"."_sluice_stage_account_run1" WHERE ctid IN (
	SELECT id FROM (
		SELECT ctid AS id, row_number() OVER (PARTITION BY "id" ORDER BY "system_modstamp" DESC NULLS LAST, ctid) AS n FROM "public"."_sluice_stage_account_run1"
		WHERE ("id") IN (SELECT "id" FROM "public"."_sluice_stage_account_run1" GROUP BY "id" HAVING count(*) > 1)
	) AS doubles WHERE n > 1
);
ANALYZE "public"."_sluice_stage_account_run1" ("id");
DELETE FROM "public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "public"."_sluice_stage_account_run1_kept" AS s WHERE t."id" = s."id" COLLATE "C");
DELETE FROM "public"."_sluice_stage_account_run1" AS t
WHERE NOT EXISTS (SELECT 1 FROM "public"."_sluice_stage_account_run1_kept" AS s WHERE t."id" = s."id");
/* dead */ DELETE FROM "public"."my ""account""" AS t USING "public"."_sluice_stage_account_run1" AS s
WHERE t."id" = s."id" COLLATE "C" AND NOT (s."is_deleted" IS DISTINCT FROM true);
/* erased */ DELETE FROM "public"."my ""account""" AS t USING "public"."_sluice_stage_account_run1_gone" AS s
WHERE t."id" = s."id" COLLATE "C"
AND NOT EXISTS (SELECT 1 FROM "public"."_sluice_stage_account_run1" AS a WHERE a."id" = s."id" AND a."is_deleted" IS DISTINCT FROM true);
/* dead */ DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
CREATE UNLOGGED TABLE "public"."_sluice_stage_account_run1_pairs" AS
SELECT t.ctid AS place, s.ctid AS staged, (t."o""dd" IS DISTINCT FROM s."o""dd"
	OR CAST(t."amount" AS text) COLLATE "C" IS DISTINCT FROM CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) COLLATE "C"
	OR t."is_deleted" IS DISTINCT FROM s."is_deleted"
	OR t."system_modstamp" IS DISTINCT FROM s."system_modstamp") AS differs
FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C";
SELECT count(*), count(DISTINCT staged), count(*) FILTER (WHERE differs) FROM "public"."_sluice_stage_account_run1_pairs";
/* doubles */ DELETE FROM "public"."my ""account""" AS t WHERE (t."id") IN (
	SELECT t."id" FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C" GROUP BY t."id" HAVING count(*) > 1
);
/* doubles */ DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_pairs";
/* doubles */ CREATE UNLOGGED TABLE "public"."_sluice_stage_account_run1_pairs" AS
SELECT t.ctid AS place, s.ctid AS staged, (t."o""dd" IS DISTINCT FROM s."o""dd"
	OR CAST(t."amount" AS text) COLLATE "C" IS DISTINCT FROM CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) COLLATE "C"
	OR t."is_deleted" IS DISTINCT FROM s."is_deleted"
	OR t."system_modstamp" IS DISTINCT FROM s."system_modstamp") AS differs
FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C";
/* doubles */ SELECT count(*), count(DISTINCT staged), count(*) FILTER (WHERE differs) FROM "public"."_sluice_stage_account_run1_pairs";
/* differing */ SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
/* differing */ UPDATE "public"."my ""account""" AS t SET "o""dd" = s."o""dd", "amount" = CAST(CAST(s."amount" AS text) AS numeric(18,2)), "is_deleted" = s."is_deleted", "system_modstamp" = s."system_modstamp"
FROM (SELECT place, staged FROM "public"."_sluice_stage_account_run1_pairs" WHERE differs ORDER BY place) AS p, "public"."_sluice_stage_account_run1" AS s
WHERE t.ctid = p.place AND s.ctid = p.staged;
/* differing */ SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT;
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_pairs";
/* missing */ INSERT INTO "public"."my ""account""" ("id", "o""dd", "amount", "is_deleted", "system_modstamp")
SELECT s."id", s."o""dd", CAST(CAST(s."amount" AS text) AS numeric(18,2)), s."is_deleted", s."system_modstamp"
FROM "public"."_sluice_stage_account_run1" AS s
WHERE NOT EXISTS (SELECT 1 FROM "public"."my ""account""" AS t WHERE t."id" = s."id" COLLATE "C");
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_parts", "public"."_sluice_stage_account_run1_gone", "public"."_sluice_stage_account_run1_kept";
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1";

-- window by key
SELECT count(*), count(DISTINCT hashtextextended("id", 0)), count(*) FILTER (WHERE NOT (s."is_deleted" IS DISTINCT FROM true))
FROM "public"."_sluice_stage_account_run1" AS s;
LOCK TABLE "public"."my ""account""" IN SHARE ROW EXCLUSIVE MODE;
/* older */ DELETE FROM "public"."_sluice_stage_account_run1" WHERE ctid IN (
	SELECT id FROM (
		SELECT ctid AS id, row_number() OVER (PARTITION BY "id" ORDER BY "system_modstamp" DESC NULLS LAST, ctid) AS n FROM "public"."_sluice_stage_account_run1"
		WHERE ("id") IN (SELECT "id" FROM "public"."_sluice_stage_account_run1" GROUP BY "id" HAVING count(*) > 1)
	) AS doubles WHERE n > 1
);
ANALYZE "public"."_sluice_stage_account_run1" ("id");
DELETE FROM "public"."my ""account""" AS t WHERE t."system_modstamp" >= TIMESTAMPTZ '2026-05-01 12:00:00+00' AND t."system_modstamp" < TIMESTAMPTZ '2026-05-01 13:00:00+00'
AND NOT EXISTS (SELECT 1 FROM "public"."_sluice_stage_account_run1" AS s WHERE t."id" = s."id" COLLATE "C" AND s."is_deleted" IS DISTINCT FROM true);
/* dead */ DELETE FROM "public"."my ""account""" AS t USING "public"."_sluice_stage_account_run1" AS s
WHERE t."id" = s."id" COLLATE "C" AND NOT (s."is_deleted" IS DISTINCT FROM true);
/* erased */ DELETE FROM "public"."my ""account""" AS t USING "public"."_sluice_stage_account_run1_gone" AS s
WHERE t."id" = s."id" COLLATE "C"
AND NOT EXISTS (SELECT 1 FROM "public"."_sluice_stage_account_run1" AS a WHERE a."id" = s."id" AND a."is_deleted" IS DISTINCT FROM true);
/* dead */ DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
CREATE UNLOGGED TABLE "public"."_sluice_stage_account_run1_pairs" AS
SELECT t.ctid AS place, s.ctid AS staged, (t."o""dd" IS DISTINCT FROM s."o""dd"
	OR CAST(t."amount" AS text) COLLATE "C" IS DISTINCT FROM CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) COLLATE "C"
	OR t."is_deleted" IS DISTINCT FROM s."is_deleted"
	OR t."system_modstamp" IS DISTINCT FROM s."system_modstamp") AS differs
FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C";
SELECT count(*), count(DISTINCT staged), count(*) FILTER (WHERE differs) FROM "public"."_sluice_stage_account_run1_pairs";
/* doubles */ DELETE FROM "public"."my ""account""" AS t WHERE (t."id") IN (
	SELECT t."id" FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C" GROUP BY t."id" HAVING count(*) > 1
);
/* doubles */ DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_pairs";
/* doubles */ CREATE UNLOGGED TABLE "public"."_sluice_stage_account_run1_pairs" AS
SELECT t.ctid AS place, s.ctid AS staged, (t."o""dd" IS DISTINCT FROM s."o""dd"
	OR CAST(t."amount" AS text) COLLATE "C" IS DISTINCT FROM CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) COLLATE "C"
	OR t."is_deleted" IS DISTINCT FROM s."is_deleted"
	OR t."system_modstamp" IS DISTINCT FROM s."system_modstamp") AS differs
FROM "public"."my ""account""" AS t JOIN "public"."_sluice_stage_account_run1" AS s ON t."id" = s."id" COLLATE "C";
/* doubles */ SELECT count(*), count(DISTINCT staged), count(*) FILTER (WHERE differs) FROM "public"."_sluice_stage_account_run1_pairs";
/* differing */ SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
/* differing */ UPDATE "public"."my ""account""" AS t SET "o""dd" = s."o""dd", "amount" = CAST(CAST(s."amount" AS text) AS numeric(18,2)), "is_deleted" = s."is_deleted", "system_modstamp" = s."system_modstamp"
FROM (SELECT place, staged FROM "public"."_sluice_stage_account_run1_pairs" WHERE differs ORDER BY place) AS p, "public"."_sluice_stage_account_run1" AS s
WHERE t.ctid = p.place AND s.ctid = p.staged;
/* differing */ SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT;
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_pairs";
/* missing */ INSERT INTO "public"."my ""account""" ("id", "o""dd", "amount", "is_deleted", "system_modstamp")
SELECT s."id", s."o""dd", CAST(CAST(s."amount" AS text) AS numeric(18,2)), s."is_deleted", s."system_modstamp"
FROM "public"."_sluice_stage_account_run1" AS s
WHERE NOT EXISTS (SELECT 1 FROM "public"."my ""account""" AS t WHERE t."id" = s."id" COLLATE "C");
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_parts", "public"."_sluice_stage_account_run1_gone", "public"."_sluice_stage_account_run1_kept";
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1";

-- window
SELECT count(*), count(*), count(*) FILTER (WHERE NOT (s."is_deleted" IS DISTINCT FROM true))
FROM "public"."_sluice_stage_account_run1" AS s;
LOCK TABLE "public"."my ""account""" IN SHARE ROW EXCLUSIVE MODE;
ANALYZE "public"."_sluice_stage_account_run1";
DELETE FROM "public"."my ""account""" AS t WHERE t."system_modstamp" >= TIMESTAMPTZ '2026-05-01 12:00:00+00';
/* dead */ DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
INSERT INTO "public"."my ""account""" ("id", "o""dd", "amount", "is_deleted", "system_modstamp")
SELECT s."id", s."o""dd", CAST(CAST(s."amount" AS text) AS numeric(18,2)), s."is_deleted", s."system_modstamp"
FROM "public"."_sluice_stage_account_run1" AS s;
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_parts", "public"."_sluice_stage_account_run1_gone", "public"."_sluice_stage_account_run1_kept";
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1";

-- append
SELECT count(*), count(*), count(*) FILTER (WHERE NOT (s."is_deleted" IS DISTINCT FROM true))
FROM "public"."_sluice_stage_account_run1" AS s;
LOCK TABLE "public"."my ""account""" IN SHARE ROW EXCLUSIVE MODE;
ANALYZE "public"."_sluice_stage_account_run1" ("id");
DELETE FROM "public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "public"."_sluice_stage_account_run1_kept" AS s WHERE t."id" = s."id" COLLATE "C");
DELETE FROM "public"."_sluice_stage_account_run1" AS t
WHERE NOT EXISTS (SELECT 1 FROM "public"."_sluice_stage_account_run1_kept" AS s WHERE t."id" = s."id");
/* dead */ DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE EXISTS (
	SELECT 1 FROM "public"."my ""account""" AS t WHERE t."id" = s."id" COLLATE "C" AND t."system_modstamp" IS NOT DISTINCT FROM s."system_modstamp"
);
INSERT INTO "public"."my ""account""" ("id", "o""dd", "amount", "is_deleted", "system_modstamp")
SELECT s."id", s."o""dd", CAST(CAST(s."amount" AS text) AS numeric(18,2)), s."is_deleted", s."system_modstamp"
FROM "public"."_sluice_stage_account_run1" AS s;
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_parts", "public"."_sluice_stage_account_run1_gone", "public"."_sluice_stage_account_run1_kept";
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1";

-- update
SELECT count(*), count(DISTINCT hashtextextended("id", 0)), count(*) FILTER (WHERE NOT (s."is_deleted" IS DISTINCT FROM true))
FROM "public"."_sluice_stage_account_run1" AS s;
LOCK TABLE "public"."my ""account""" IN SHARE ROW EXCLUSIVE MODE;
/* older */ DELETE FROM "public"."_sluice_stage_account_run1" WHERE ctid IN (
	SELECT id FROM (
		SELECT ctid AS id, row_number() OVER (PARTITION BY "id" ORDER BY "system_modstamp" DESC NULLS LAST, ctid) AS n FROM "public"."_sluice_stage_account_run1"
		WHERE ("id") IN (SELECT "id" FROM "public"."_sluice_stage_account_run1" GROUP BY "id" HAVING count(*) > 1)
	) AS doubles WHERE n > 1
);
ANALYZE "public"."_sluice_stage_account_run1" ("id");
/* dead */ DELETE FROM "public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
UPDATE "public"."my ""account""" AS t SET "o""dd" = s."o""dd", "amount" = CAST(CAST(s."amount" AS text) AS numeric(18,2)), "is_deleted" = s."is_deleted", "system_modstamp" = s."system_modstamp"
FROM "public"."_sluice_stage_account_run1" AS s
WHERE t."id" = s."id" COLLATE "C"
AND (t."o""dd" IS DISTINCT FROM s."o""dd"
	OR CAST(t."amount" AS text) COLLATE "C" IS DISTINCT FROM CAST(CAST(CAST(s."amount" AS text) AS numeric(18,2)) AS text) COLLATE "C"
	OR t."is_deleted" IS DISTINCT FROM s."is_deleted"
	OR t."system_modstamp" IS DISTINCT FROM s."system_modstamp");
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1_parts", "public"."_sluice_stage_account_run1_gone", "public"."_sluice_stage_account_run1_kept";
DROP TABLE IF EXISTS "public"."_sluice_stage_account_run1";

