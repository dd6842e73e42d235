package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
)

// TestOrphansAreCleared lets runs of other tables die: what they have staged
// stays for a day, for a run that goes on with it, and goes with the next run of
// any table then. What a living run stages stays, however old it is.
func TestOrphansAreCleared(t *testing.T) {
	address := pgtest.Database(t)
	ctx := t.Context()
	begin := func(schema, table string) destination.Load {
		s := spec(generation, destination.Merge, "run1")
		s.Table = destination.TableName{Schema: schema, Table: table}
		d := dial(t, address, Options{}) //nolint:contextcheck // closed after the test
		l, err := d.Begin(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		l.Prepare("token")
		if err := putPart(ctx, l, "part", generationBatch(1, 0, 10)); err != nil {
			t.Fatal(err)
		}
		return l
	}
	left := func(want ...string) {
		t.Helper()
		got := pgtest.Query(t, address, "SELECT schemaname || '.' || tablename FROM pg_tables WHERE tablename LIKE '\\_sluice\\_stage%\\_run1' ORDER BY 1")
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q, want %q", got, want)
		}
	}
	pgtest.Query(t, address, "CREATE SCHEMA other")
	for _, l := range []destination.Load{begin("other", "old"), begin("public", "old"), begin("public", "young")} {
		if err := l.Leave(ctx); err != nil {
			t.Fatal(err)
		}
	}
	living := begin("public", "living")
	defer living.Abort(context.Background())
	for _, staging := range []string{"other._sluice_stage_old_run1", "public._sluice_stage_old_run1", "public._sluice_stage_living_run1"} {
		label := pgtest.Query(t, address, fmt.Sprintf("SELECT obj_description('%s'::regclass)::jsonb || '{\"begun\": \"2020-01-01T00:00:00Z\"}'", staging))[0]
		pgtest.Query(t, address, fmt.Sprintf("COMMENT ON TABLE %s IS '%s'", staging, label))
	}
	left("other._sluice_stage_old_run1", "public._sluice_stage_living_run1", "public._sluice_stage_old_run1", "public._sluice_stage_young_run1")
	mustPut(t, dial(t, address, Options{}), spec(generation, destination.Merge, "run2"), generationBatch(1, 0, 10))
	left("public._sluice_stage_living_run1", "public._sluice_stage_young_run1")
	if _, err := living.Commit(ctx, nil); err != nil {
		t.Fatal(err)
	}
	left("public._sluice_stage_young_run1")
	if got := pgtest.Query(t, address, "SELECT count(*) FROM public.living"); got[0] != "10" {
		t.Errorf("%s rows", got[0])
	}
	// Beside a staging table nothing is left of it.
	if got := pgtest.Query(t, address, "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_sluice\\_stage\\_old%' OR relname LIKE '\\_sluice\\_stage\\_living%'"); got[0] != "0" {
		t.Errorf("%s tables are left", got[0])
	}
}

// TestALoadThatLostItsTableStagesNoKeys: another run has dropped what the load has
// staged, and nobody would drop a table that is made beside it then.
func TestALoadThatLostItsTableStagesNoKeys(t *testing.T) {
	address := pgtest.Database(t)
	ctx := t.Context()
	lost, err := dial(t, address, Options{}).Begin(ctx, stated(destination.Merge, "run1"))
	if err == nil {
		err = putPart(ctx, lost, "part", generationBatch(1, 0, 10))
	}
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Query(t, address, "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'")
	mustPut(t, dial(t, address, Options{}), stated(destination.Merge, "run2"), generationBatch(2, 0, 10))
	if _, err := lost.StageGone(ctx); err == nil || !strings.Contains(err.Error(), "_sluice_stage_account_run1") {
		t.Errorf("%v", err)
	}
	if err := lost.Abort(ctx); err != nil {
		t.Error(err)
	}
	if got := pgtest.Query(t, address, "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_sluice\\_stage%'"); got[0] != "0" {
		t.Errorf("%s tables are left", got[0])
	}
}
