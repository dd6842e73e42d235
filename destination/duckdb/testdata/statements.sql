-- open
SET memory_limit = '81920KiB';
SET threads = 1;
SET temp_directory = '';
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET GLOBAL TimeZone = 'UTC';
SET preserve_insertion_order = false;
SET checkpoint_threshold = '1TiB';
PRAGMA disable_checkpoint_on_shutdown;
SET auto_checkpoint_skip_wal_threshold = 1000000000000;
SET write_buffer_row_group_count = 1;
SET temp_directory = '/data/it''s.db.sluice.tmp';
ATTACH '/data/it''s.db' AS "it's" (TYPE duckdb, ROW_GROUP_SIZE 16384);

-- open a new file
ATTACH '/data/it''s.db' AS "it's" (TYPE duckdb, ROW_GROUP_SIZE 16384, STORAGE_VERSION 'v1.4.0', BLOCK_SIZE 65536);

-- open to look
ATTACH '/data/it''s.db' AS "it's" (TYPE duckdb, READ_ONLY);

-- stage
CREATE SCHEMA IF NOT EXISTS "crm"."public";
CREATE TABLE "crm"."public"."_sluice_stage_account_run1" (
	"id" VARCHAR NOT NULL,
	"o""dd" BIGINT,
	"amount" DECIMAL(18,2)
);
INSERT INTO "crm"."public"."_sluice_stage_account_run1" ("id", "o""dd", "amount") SELECT * FROM memory.main."v1";
DROP VIEW IF EXISTS memory.main."v1";

-- go on
CREATE TABLE "crm"."public"."_sluice_stage_account_run1_parts" (dest VARCHAR NOT NULL, token VARCHAR NOT NULL, shape VARCHAR NOT NULL, noted TIMESTAMPTZ NOT NULL, part VARCHAR, rows BIGINT NOT NULL);
INSERT INTO "crm"."public"."_sluice_stage_account_run1_parts" VALUES ($1, $2, $3, $4, $5, $6);
SELECT dest, token, shape, noted, part, rows FROM "crm"."public"."_sluice_stage_account_run1_parts" ORDER BY noted DESC;
SELECT min(noted) FROM "crm"."public"."_sluice_stage_account_run1_parts";
SELECT max("system_modstamp") FROM "crm"."public"."_sluice_stage_account_run1";

-- sift
SELECT count(*) <> count(DISTINCT ("id", "o""dd")) FROM "crm"."public"."_sluice_stage_account_run1";
DELETE FROM "crm"."public"."_sluice_stage_account_run1" WHERE rowid IN (
	SELECT id FROM (SELECT rowid AS id, row_number() OVER (PARTITION BY "id", "o""dd" ORDER BY "system_modstamp" DESC NULLS LAST, rowid) AS n FROM "crm"."public"."_sluice_stage_account_run1")
	WHERE n > 1);
DELETE FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE EXISTS (SELECT 1 FROM "crm"."public"."my ""account""" AS t WHERE t."id" = s."id" AND t."o""dd" = s."o""dd" AND t."system_modstamp" IS NOT DISTINCT FROM s."system_modstamp");
DELETE FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);

-- states
CREATE TABLE IF NOT EXISTS "crm"."_sluice"."state" (org VARCHAR NOT NULL, source VARCHAR NOT NULL, dest VARCHAR NOT NULL, state VARCHAR NOT NULL, updated TIMESTAMPTZ NOT NULL);
SELECT state FROM "crm"."_sluice"."state" WHERE org = $1 AND source = $2 AND dest = $3;
SELECT org, source, dest, state FROM "crm"."_sluice"."state" ORDER BY ALL;
DELETE FROM "crm"."_sluice"."state" WHERE org = $1 AND source = $2 AND dest = $3;
INSERT INTO "crm"."_sluice"."state" VALUES ($1, $2, $3, $4, $5);

-- count
SELECT count(*) FROM "crm"."public"."_sluice_stage_account_run1";
SELECT count(*) FROM "crm"."public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE s."id" = t."id");

-- misfits
SELECT concat_ws(', ', CAST("id" AS VARCHAR), CAST("o""dd" AS VARCHAR)), CAST("amount" AS VARCHAR)
FROM "crm"."public"."_sluice_stage_account_run1"
WHERE TRY_CAST(TRY_CAST("amount" AS DECIMAL(18,2)) AS DOUBLE) IS DISTINCT FROM "amount"
LIMIT 1;
SELECT 'a row', CAST("amount" AS VARCHAR)
FROM "crm"."public"."_sluice_stage_account_run1"
WHERE TRY_CAST(TRY_CAST("amount" AS DECIMAL(18,2)) AS DOUBLE) IS DISTINCT FROM "amount"
LIMIT 1;

-- add up
SELECT 0 AS period, count(*), max(newest)
FROM (SELECT CAST(NULL AS TIMESTAMPTZ) AS clock, CAST(NULL AS TIMESTAMPTZ) AS newest
FROM "crm"."public"."my ""account""")
GROUP BY period;
SELECT CASE WHEN clock >= TIMESTAMPTZ '2026-04-01 00:00:00.000000+00' THEN 2 ELSE CASE WHEN clock >= TIMESTAMPTZ '2026-03-01 00:00:00.000000+00' THEN 1 ELSE 0 END END AS period, count(*), max(newest), coalesce(sum(n0), 0), coalesce(sum(abs(n0)), 0)
FROM (SELECT TRY_CAST("o""dd" AS TIMESTAMPTZ) AS clock, TRY_CAST("system_modstamp" AS TIMESTAMPTZ) AS newest, TRY_CAST("amount" AS DOUBLE) AS n0
FROM "crm"."public"."my ""account"""
WHERE TRY_CAST("is_deleted" AS BOOLEAN) IS NOT TRUE)
GROUP BY period;

-- read
SELECT CAST("id" AS VARCHAR)
FROM "crm"."public"."my ""account""";
SELECT CAST("id" AS VARCHAR), CAST("o""dd" AS VARCHAR)
FROM "crm"."public"."my ""account"""
WHERE ((TRY_CAST("created_date" AS TIMESTAMPTZ) < TIMESTAMPTZ '2026-03-01 00:00:00.000000+00' OR TRY_CAST("created_date" AS TIMESTAMPTZ) IS NULL) OR (TRY_CAST("created_date" AS TIMESTAMPTZ) >= TIMESTAMPTZ '2026-03-01 00:00:00.000000+00' AND TRY_CAST("created_date" AS TIMESTAMPTZ) < TIMESTAMPTZ '2026-04-01 00:00:00.000000+00') OR TRY_CAST("created_date" AS TIMESTAMPTZ) >= TIMESTAMPTZ '2026-03-01 00:00:00.000000+00' OR TRUE) AND CAST("id" AS VARCHAR) IN ('it''s', '1');

-- write Parquet
COPY (SELECT c0 AS "Id", c1 AS "o""dd" FROM memory.main.batches) TO 'it''s.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384, USE_TMP_FILE false);

-- create
ALTER TABLE "crm"."public"."_sluice_stage_account_run1" RENAME TO "my ""account""";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";

-- swap
DROP TABLE "crm"."public"."my ""account""";
ALTER TABLE "crm"."public"."_sluice_stage_account_run1" RENAME TO "my ""account""";
CREATE INDEX i ON public.account(id);
COMMENT ON TABLE "crm"."public"."my ""account""" IS 'it''s ours';
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";

-- fill
ALTER TABLE "crm"."public"."my ""account""" ADD COLUMN "o""dd" BIGINT;
ALTER TABLE "crm"."public"."my ""account""" ALTER COLUMN "amount" TYPE DECIMAL(18,2);
DELETE FROM "crm"."public"."my ""account""";
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- add
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- upsert
DELETE FROM "crm"."public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE s."id" = t."id");
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1"
ON CONFLICT ("id") DO UPDATE SET "o""dd" = excluded."o""dd", "amount" = excluded."amount", "gone" = NULL;
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- upsert of keys
DELETE FROM "crm"."public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE s."id" = t."id");
INSERT INTO "crm"."public"."my ""account""" ("id")
SELECT "id"
FROM "crm"."public"."_sluice_stage_account_run1"
ON CONFLICT ("id") DO NOTHING;
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- merge
DELETE FROM "crm"."public"."my ""account""" AS t USING "crm"."public"."_sluice_stage_account_run1" AS s WHERE t."id" = s."id" AND t."o""dd" = s."o""dd" AND NOT (s."is_deleted" IS DISTINCT FROM true);
DELETE FROM "crm"."public"."my ""account""" AS t USING "crm"."public"."_sluice_stage_account_run1_gone" AS g WHERE t."id" = g."id" AND t."o""dd" = g."o""dd"
AND NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE s."id" = g."id" AND s."o""dd" = g."o""dd" AND s."is_deleted" IS DISTINCT FROM true);
DELETE FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE NOT (s."is_deleted" IS DISTINCT FROM true);
DELETE FROM "crm"."public"."my ""account""" AS t USING "crm"."public"."_sluice_stage_account_run1" AS s WHERE t."id" = s."id" AND t."o""dd" = s."o""dd" AND true;
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- merge with the keys of all rows
DELETE FROM "crm"."public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1_kept" AS s WHERE s."id" = t."id" AND s."o""dd" = t."o""dd");
DELETE FROM "crm"."public"."_sluice_stage_account_run1" AS t
WHERE NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1_kept" AS s WHERE s."id" = t."id" AND s."o""dd" = t."o""dd");
DELETE FROM "crm"."public"."my ""account""" AS t USING "crm"."public"."_sluice_stage_account_run1_gone" AS g WHERE t."id" = g."id" AND t."o""dd" = g."o""dd"
AND NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE s."id" = g."id" AND s."o""dd" = g."o""dd" AND true);
DELETE FROM "crm"."public"."my ""account""" AS t USING "crm"."public"."_sluice_stage_account_run1" AS s WHERE t."id" = s."id" AND t."o""dd" = s."o""dd" AND true;
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- merge where foreign keys point at
DELETE FROM "crm"."public"."my ""account""" AS t USING "crm"."public"."_sluice_stage_account_run1_gone" AS g WHERE t."id" = g."id" AND t."o""dd" = g."o""dd"
AND NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE s."id" = g."id" AND s."o""dd" = g."o""dd" AND true);
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1"
ON CONFLICT ("id", "o""dd") DO UPDATE SET "amount" = excluded."amount";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- delete+insert
DELETE FROM "crm"."public"."my ""account""" WHERE "system_modstamp" >= TIMESTAMPTZ '1970-01-01 00:00:00+00';
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- update
UPDATE "crm"."public"."my ""account""" AS t SET "amount" = CAST(s."amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE t."id" = s."id" AND t."o""dd" = s."o""dd"
AND (t."amount" IS DISTINCT FROM CAST(s."amount" AS DECIMAL(18,2)));
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_parts";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_gone";
DROP TABLE IF EXISTS "crm"."public"."_sluice_stage_account_run1_kept";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

