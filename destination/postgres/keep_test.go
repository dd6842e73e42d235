package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
)

// hangings is what a table of 100 rows may have around it, and look tells all
// of it (P4).
const hangings = `
CREATE TABLE public.account (id text PRIMARY KEY, generation bigint, filler text, mark text DEFAULT 'mine', twice bigint GENERATED ALWAYS AS (generation * 2) STORED);
COMMENT ON TABLE public.account IS 'all of them'; COMMENT ON COLUMN public.account.id IS 'the key';
CREATE INDEX by_generation ON public.account (generation);
CREATE VIEW public.v AS SELECT count(*) AS n FROM public.account;
CREATE MATERIALIZED VIEW public.m AS SELECT count(*) AS n FROM public.account;
CREATE ROLE reader_%[1]s; GRANT SELECT ON public.account TO reader_%[1]s;
ALTER TABLE public.account ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON public.account FOR SELECT TO reader_%[1]s USING (generation >= 0);
CREATE TABLE public.log (what text);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES (TG_OP); RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON public.account FOR EACH STATEMENT EXECUTE FUNCTION public.note();
CREATE TRIGGER asleep BEFORE INSERT ON public.account FOR EACH ROW EXECUTE FUNCTION public.note();
ALTER TABLE public.account DISABLE TRIGGER asleep;
`

const look = `SELECT concat_ws(E'\n', c.oid, c.relowner, c.relacl, c.relrowsecurity, obj_description(c.oid, 'pg_class'), col_description(c.oid, 1),
	(SELECT string_agg(i.indexrelid || pg_get_indexdef(i.indexrelid), E'\n' ORDER BY i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid),
	(SELECT string_agg(o.oid || pg_get_constraintdef(o.oid), E'\n' ORDER BY o.oid) FROM pg_constraint o WHERE c.oid IN (o.conrelid, o.confrelid)),
	(SELECT string_agg(g.oid || pg_get_triggerdef(g.oid) || g.tgenabled::text, E'\n' ORDER BY g.oid) FROM pg_trigger g WHERE g.tgrelid = c.oid),
	(SELECT string_agg(p.polname || p.polroles::text, E'\n') FROM pg_policy p WHERE p.polrelid = c.oid),
	(SELECT string_agg(attname || attnum || format_type(atttypid, atttypmod), E'\n' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid),
	pg_get_viewdef('public.v'::regclass), pg_get_viewdef('public.m'::regclass))
FROM pg_class c WHERE c.oid = 'public.account'::regclass`

// TestReplaceKeepsWhatHangsOnTheTable replaces the rows twenty times while a
// reader counts them without a pause: it sees the old or the new rows, and the
// statement that it has sent last is always answered, as no lock stands in its
// way.
func TestReplaceKeepsWhatHangsOnTheTable(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	role := strings.TrimSpace(pgtest.Query(t, address, "SELECT current_database()")[0])
	pgtest.Query(t, address, fmt.Sprintf(hangings, role))
	t.Cleanup(func() { pgtest.Query(t, address, "DROP OWNED BY reader_"+role+"; DROP ROLE reader_"+role) })
	const least = 500
	mustPut(t, d, spec(generation, destination.Replace, "run0"), generationBatch(0, 0, least))
	pgtest.Query(t, address, `CREATE TABLE public.contact (account_id text REFERENCES public.account (id) ON DELETE CASCADE);
		INSERT INTO public.contact SELECT id FROM public.account`)
	before := pgtest.Query(t, address, look)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	reads := 0
	go func() { ended <- countRowsUntil(ctx, address, least, &reads) }()
	for n := range 20 {
		mustPut(t, d, spec(generation, destination.Replace, fmt.Sprint("run", n+1)), generationBatch(int64(n+1), 0, least+n))
		got := pgtest.Query(t, address, "SELECT count(*), min(generation), max(generation), max(twice), min(mark), (SELECT n FROM public.v), (SELECT count(*) FROM public.contact) FROM public.account")
		want := fmt.Sprintf("%d|%d|%d|%d|mine|%d|%d", least+n, n+1, n+1, 2*(n+1), least+n, least)
		if got[0] != want {
			t.Fatalf("replace %d: %s, want %s", n, got[0], want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if reads == 0 {
		t.Error("nobody has read")
	}
	after := pgtest.Query(t, address, look)
	if strings.Join(before, "") != strings.Join(after, "") {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if got := pgtest.Query(t, address, "SELECT count(*) FROM pg_tables WHERE tablename LIKE '\\_sluice%'"); got[0] != "0" {
		t.Errorf("%s staging tables are left", got[0])
	}
}

// countRowsUntil reads the table until ctx ends, with a server that lets it
// wait for no lock at all.
func countRowsUntil(ctx context.Context, address string, least int, reads *int) error {
	always := context.WithoutCancel(ctx)
	conn, err := pgx.Connect(always, address)
	if err != nil {
		return err
	}
	defer conn.Close(always)
	if _, err := conn.Exec(always, "SET lock_timeout = 1"); err != nil {
		return err
	}
	for ctx.Err() == nil {
		var n, oldest, newest int
		if err := conn.QueryRow(always, "SELECT count(*), min(generation), max(generation) FROM public.account").Scan(&n, &oldest, &newest); err != nil {
			return err
		}
		if n < least || oldest != newest {
			return fmt.Errorf("%d rows of generation %d to %d", n, oldest, newest)
		}
		*reads++
	}
	return nil
}

// TestATransactionThatBeganBeforeSeesTheOldRows reads in a snapshot that is
// older than the load.
func TestATransactionThatBeganBeforeSeesTheOldRows(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	mustPut(t, d, spec(generation, destination.Replace, "run1"), generationBatch(1, 0, 10))
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"); err != nil {
		t.Fatal(err)
	}
	mustPut(t, d, spec(generation, destination.Replace, "run2"), generationBatch(2, 5, 10))
	var n, newest int
	if err := conn.QueryRow(ctx, "SELECT count(*), max(generation) FROM public.account").Scan(&n, &newest); err != nil || n != 10 || newest != 1 {
		t.Errorf("%d rows of generation %d, %v", n, newest, err)
	}
}

// TestWaysOfReplacing are those that a table without a key, or with doubles of
// it, has.
func TestWaysOfReplacing(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	keyless := spec(generation, destination.Replace, "run1")
	keyless.Key = nil
	mustPut(t, d, keyless, generationBatch(1, 0, 3), generationBatch(1, 0, 3))
	mustPut(t, d, keyless, generationBatch(2, 0, 3), generationBatch(2, 0, 2))
	check := func(want string) {
		t.Helper()
		if got := pgtest.Query(t, address, "SELECT count(*), count(DISTINCT id), min(generation) FROM public.account"); got[0] != want {
			t.Errorf("%s, want %s", got[0], want)
		}
	}
	check("5|3|2")
	r := mustPut(t, d, spec(generation, destination.Merge, "run2"), generationBatch(2, 0, 2), generationBatch(3, 7, 1))
	check("4|4|2")
	if r.Written != 3 || r.Superseded != 0 {
		t.Errorf("%+v", r)
	}
	pgtest.Query(t, address, "CREATE TABLE public.other (id text, UNIQUE (id)); ALTER TABLE public.account ADD UNIQUE (id); CREATE TABLE public.c (a text REFERENCES public.account (id))")
	if _, err := d.Begin(t.Context(), keyless); err == nil {
		t.Error("rows that foreign keys point at would go away")
	}
}

// TestRowsThatFollowADeletedOneAreWritten lets the removal of a row change
// others of the table, which the staged rows have to change back.
func TestRowsThatFollowADeletedOneAreWritten(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	pgtest.Query(t, address, `CREATE TABLE public.account (id text PRIMARY KEY, generation bigint, filler text, parent text REFERENCES public.account ON DELETE SET NULL);
		CREATE FUNCTION public.follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.account SET generation = -1 WHERE parent = OLD.id; RETURN OLD; END $$;
		CREATE TRIGGER follow BEFORE DELETE ON public.account FOR EACH ROW EXECUTE FUNCTION public.follow()`)
	mustPut(t, d, spec(generation, destination.Append, "run1"), generationBatch(1, 0, 100))
	pgtest.Query(t, address, "UPDATE public.account SET parent = '000000' WHERE id > '000050'")
	for n, mode := range []destination.Mode{destination.Replace, destination.Replace, destination.Merge} {
		mustPut(t, d, spec(generation, mode, fmt.Sprint("run", n+2)), generationBatch(int64(n), 1, 99))
		if got := pgtest.Query(t, address, "SELECT count(*), count(DISTINCT id), min(generation), max(generation) FROM public.account"); got[0] != fmt.Sprintf("99|99|%d|%d", n, n) {
			t.Errorf("%s: %q", mode, got)
		}
	}
}
