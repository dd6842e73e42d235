-- open
SET memory_limit = '81920KiB';
SET threads = 1;
SET temp_directory = '/data/it''s.db.sluice.tmp';
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET GLOBAL TimeZone = 'UTC';
SET preserve_insertion_order = false;
SET checkpoint_threshold = '256MiB';
SET auto_checkpoint_skip_wal_threshold = 1000000000000;
SET write_buffer_row_group_count = 1;
ATTACH '/data/it''s.db' AS "it's" (TYPE duckdb, ROW_GROUP_SIZE 16384);

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

-- create
ALTER TABLE "crm"."public"."_sluice_stage_account_run1" RENAME TO "my ""account""";

-- swap
DROP TABLE "crm"."public"."my ""account""";
ALTER TABLE "crm"."public"."_sluice_stage_account_run1" RENAME TO "my ""account""";
CREATE INDEX i ON public.account(id);
COMMENT ON TABLE "crm"."public"."my ""account""" IS 'it''s ours';

-- fill
ALTER TABLE "crm"."public"."my ""account""" ADD COLUMN "o""dd" BIGINT;
ALTER TABLE "crm"."public"."my ""account""" ALTER COLUMN "amount" TYPE DECIMAL(18,2);
DELETE FROM "crm"."public"."my ""account""";
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- add
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1";
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- upsert
DELETE FROM "crm"."public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE s."id" = t."id");
INSERT INTO "crm"."public"."my ""account""" ("id", "o""dd", "amount")
SELECT "id", "o""dd", CAST("amount" AS DECIMAL(18,2))
FROM "crm"."public"."_sluice_stage_account_run1"
ON CONFLICT ("id") DO UPDATE SET "o""dd" = excluded."o""dd", "amount" = excluded."amount", "gone" = NULL;
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

-- upsert of keys
DELETE FROM "crm"."public"."my ""account""" AS t
WHERE NOT EXISTS (SELECT 1 FROM "crm"."public"."_sluice_stage_account_run1" AS s WHERE s."id" = t."id");
INSERT INTO "crm"."public"."my ""account""" ("id")
SELECT "id"
FROM "crm"."public"."_sluice_stage_account_run1"
ON CONFLICT ("id") DO NOTHING;
DROP TABLE "crm"."public"."_sluice_stage_account_run1";

