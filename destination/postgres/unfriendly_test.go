package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
	"sluice/state"
)

// guest makes a role of its own for a database, and gives its name and the
// address with it.
func guest(t *testing.T, address string) (role, guests string) {
	t.Helper()
	role = "guest_" + pgtest.Query(t, address, "SELECT current_database()")[0]
	pgtest.Query(t, address, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'guest'; GRANT ALL ON SCHEMA public TO %s; GRANT CREATE ON DATABASE %s TO %s",
		role, role, strings.TrimPrefix(role, "guest_"), role))
	t.Cleanup(func() { pgtest.Query(t, address, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	return role, pgtest.As(address, role, "guest")
}

// refused wants an error that says want and how to mend it, no change of the
// table and its state, and no staging table.
func refused(t *testing.T, address, want, hint, before string, err error) {
	t.Helper()
	var e *destination.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || e.Mend == "" || !strings.Contains(e.Mend, hint) {
		t.Fatalf("%v; %+v; want %q and %q", err, e, want, hint)
	}
	if now := everything(t, address); now != before {
		t.Errorf("%s, then %s", before, now)
	}
	if left := pgtest.Query(t, address, "SELECT relname FROM pg_class WHERE relname LIKE '\\_sluice\\_%'"); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// everything is what a load may change.
func everything(t *testing.T, address string) string {
	t.Helper()
	all := ""
	for _, table := range []string{"public.account", "_sluice.state"} {
		if pgtest.Query(t, address, "SELECT to_regclass('"+table+"') IS NOT NULL")[0] == "t" {
			all += strings.Join(pgtest.Query(t, address, "SELECT x FROM "+table+" AS x ORDER BY x::text"), ";")
		}
	}
	return all
}

// stated is a load with a state beside it.
func stated(mode destination.Mode, run string) destination.Spec {
	s := spec(generation, mode, run)
	s.State = generationState
	return s
}

// TestTheSettingsOfARoleDoNotMatter gives a role what others use to keep
// programs in check, and loads more slowly than that.
func TestTheSettingsOfARoleDoNotMatter(t *testing.T) {
	address := pgtest.Database(t)
	role, guests := guest(t, address)
	for _, setting := range []string{
		"statement_timeout = '500ms'", "lock_timeout = '1ms'", "idle_in_transaction_session_timeout = '20ms'",
		"default_transaction_read_only = on", "default_transaction_isolation = serializable", "default_transaction_deferrable = on", "synchronous_commit = off",
		"extra_float_digits = 0", "datestyle = 'SQL, DMY'", "row_security = on", "timezone = 'Asia/Kolkata'", "client_encoding = 'LATIN1'",
		"search_path = nowhere", "work_mem = '64kB'", "standard_conforming_strings = off",
	} {
		pgtest.Query(t, address, "ALTER ROLE "+role+" SET "+setting)
	}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "Id", Type: arrow.BinaryTypes.String}, {Name: "Amount", Type: arrow.PrimitiveTypes.Float64}, {Name: "At", Type: arrow.FixedWidthTypes.Timestamp_us},
	}, nil)
	row := func(amount float64) arrow.RecordBatch {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		b.Field(0).(*array.StringBuilder).Append(`back\slash 'é'`)
		b.Field(1).(*array.Float64Builder).Append(amount)
		b.Field(2).(*array.TimestampBuilder).Append(1_772_526_600_123_000)
		return b.NewRecordBatch()
	}
	pgtest.Query(t, guests, "BEGIN READ WRITE; CREATE TABLE public.account (id text, amount numeric, at text); COMMIT")
	pgtest.Query(t, address, `CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF current_setting('synchronous_commit') <> 'on' THEN RAISE 'a crash could take back the commit'; END IF;
			PERFORM pg_catalog.pg_sleep(0.6); RETURN NEW; END $$;
		CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION public.slow()`)
	d := dial(t, guests, Options{LockTimeout: 10 * time.Second})
	for n, amount := range []float64{0.1 + 0.2, 1.0000000000000002} {
		s := spec(schema, destination.Merge, fmt.Sprint("run", n))
		s.State = generationState
		ctx, pause := t.Context(), func() { time.Sleep(50 * time.Millisecond) }
		l, err := d.Begin(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Abort(ctx)
		pause()
		st, err := l.Stage(ctx, "part")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := st.Write(ctx, row(amount)); err != nil {
				t.Fatal(err)
			}
			pause()
		}
		if err := st.Close(ctx); err != nil {
			t.Fatal(err)
		}
		pause()
		if _, err := l.Commit(ctx, &state.State{Cursor: generationTime(int64(n))}); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`back\slash 'é'|%v|2026-03-03 08:30:00.123+00`, amount)
		if got := pgtest.Query(t, address, "SELECT * FROM public.account"); len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got, err := d.States().Get(t.Context(), generationState); err != nil || !got.Cursor.Equal(generationTime(1)) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestATimeoutOfTheAddressCounts is for who wants one.
func TestATimeoutOfTheAddressCounts(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	mustPut(t, d, stated(destination.Merge, "run1"), generationBatch(1, 0, 10))
	pgtest.Query(t, address, `CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(100); RETURN NEW; END $$;
		CREATE TRIGGER slow BEFORE UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION public.slow()`)
	before := everything(t, address)
	impatient := dial(t, address+"&options="+"-c%20statement_timeout%3D500", Options{})
	_, err := put(t.Context(), impatient, stated(destination.Merge, "run2"), &state.State{Cursor: generationTime(2)}, generationBatch(2, 0, 10))
	refused(t, address, "statement timeout", "statement_timeout", before, err)
}

// TestWhatTheServerMaySayInACommit lets a trigger fail as a server in trouble
// does.
func TestWhatTheServerMaySayInACommit(t *testing.T) {
	address := pgtest.Database(t)
	mustPut(t, dial(t, address, Options{}), stated(destination.Replace, "run1"), generationBatch(1, 0, 10))
	pgtest.Query(t, address, `CREATE SEQUENCE public.times;
		CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			PERFORM nextval('public.times');
			RAISE EXCEPTION 'trouble' USING ERRCODE = current_setting('our.trouble'); END $$;
		CREATE TRIGGER fail BEFORE UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION public.fail()`)
	before := everything(t, address)
	for _, tt := range []struct {
		code, hint string
		attempts   string
		busy       bool
	}{
		{diskFull, "free space", "1", false},
		{outOfMemory, "memory", "1", false},
		{configurationLimit, "temp_file_limit", "1", false},
		{queryCanceled, "cancelled", "1", false},
		{adminShutdown, "restarted", "1", false},
		{readOnly, "primary", "1", false},
		{denied, "grant", "1", false},
		{serialization, "run again", "5", true},
		{deadlock, "run again", "5", true},
	} {
		t.Run(tt.code, func(t *testing.T) {
			pgtest.Query(t, address, "ALTER SEQUENCE public.times RESTART; ALTER ROLE "+pgtest.User+" SET our.trouble = '"+tt.code+"'")
			defer pgtest.Query(t, address, "ALTER ROLE "+pgtest.User+" RESET our.trouble")
			d := dial(t, address, Options{}) // a session has what its role was given before
			_, err := put(t.Context(), d, stated(destination.Replace, "run2"), &state.State{Cursor: generationTime(2)}, generationBatch(2, 5, 10))
			refused(t, address, "trouble (SQLSTATE "+tt.code+")", tt.hint, before, err)
			if isBusy(err) != tt.busy {
				t.Errorf("busy: %t", isBusy(err))
			}
			if got := pgtest.Query(t, address, "SELECT last_value FROM public.times"); got[0] != tt.attempts {
				t.Errorf("tried %s times", got[0])
			}
		})
	}
}

// TestASerializationFailureIsTriedAgain fails twice.
func TestASerializationFailureIsTriedAgain(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	mustPut(t, d, stated(destination.Merge, "run1"), generationBatch(1, 0, 10))
	pgtest.Query(t, address, `CREATE SEQUENCE public.times;
		CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('public.times') < 3 THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER fail BEFORE UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION public.fail()`)
	r := mustPut(t, d, stated(destination.Merge, "run2"), generationBatch(2, 0, 10), generationBatch(2, 10, 5))
	if got := pgtest.Query(t, address, "SELECT count(*), count(DISTINCT id), min(generation) FROM public.account"); got[0] != "15|15|2" || r.Written != 15 {
		t.Errorf("%q, %+v", got, r)
	}
}

// TestADeadlockIsTriedAgain meets a session that holds what the commit needs,
// and wants what the commit holds. The other one is more patient, so that the
// server ends ours.
func TestADeadlockIsTriedAgain(t *testing.T) {
	address := pgtest.Database(t)
	pgtest.Query(t, address, `CREATE TABLE public.owner (generation bigint PRIMARY KEY); INSERT INTO public.owner VALUES (1), (2);
		CREATE TABLE public.account (id text, generation bigint REFERENCES public.owner, filler text)`)
	d := dial(t, address, Options{LockTimeout: time.Minute})
	mustPut(t, d, stated(destination.Merge, "run1"), generationBatch(1, 0, 10))
	ctx := t.Context()
	other, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	if _, err := other.Exec(ctx, "SET deadlock_timeout = '1min'; BEGIN; DELETE FROM public.owner WHERE generation = 2; INSERT INTO public.owner VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := put(ctx, d, stated(destination.Merge, "run2"), nil, generationBatch(2, 0, 10))
		done <- err
	}()
	for pgtest.Query(t, address, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")[0] == "0" {
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := other.Exec(ctx, "UPDATE public.account SET filler = 'theirs'; COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := pgtest.Query(t, address, "SELECT count(*), min(generation), min(filler) FROM public.account"); got[0] != "10|2|filler 0" {
		t.Errorf("%q", got)
	}
	if got := pgtest.Query(t, address, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); got[0] != "1" {
		t.Errorf("%s deadlocks", got[0])
	}
}

// TestMissingRights takes one right after the other from a role.
func TestMissingRights(t *testing.T) {
	address := pgtest.Database(t)
	role, guests := guest(t, address)
	database := strings.TrimPrefix(role, "guest_")
	for _, tt := range []struct{ take, giveBack, want, hint string }{
		{"REVOKE CONNECT ON DATABASE " + database + " FROM public, " + role, "GRANT CONNECT ON DATABASE " + database + " TO public", "permission denied for database", "GRANT CONNECT ON DATABASE"},
		{"REVOKE CREATE ON SCHEMA public FROM public, " + role, "GRANT CREATE ON SCHEMA public TO " + role, "may not make tables in schema", "GRANT USAGE, CREATE"},
		{"REVOKE USAGE ON SCHEMA public FROM public, " + role, "GRANT USAGE ON SCHEMA public TO public, " + role, "may not make tables in schema", "GRANT USAGE, CREATE"},
		{"REVOKE SELECT ON public.account FROM " + role, "GRANT ALL ON public.account TO " + role, "not ours to write", "GRANT SELECT ON"},
		{"REVOKE INSERT ON public.account FROM " + role, "GRANT ALL ON public.account TO " + role, "not ours to write", "GRANT INSERT ON"},
		{"REVOKE UPDATE ON public.account FROM " + role, "GRANT ALL ON public.account TO " + role, "not ours to write", "GRANT UPDATE ON"},
		{"REVOKE DELETE ON public.account FROM " + role, "GRANT ALL ON public.account TO " + role, "not ours to write", "GRANT DELETE ON"},
		{"REVOKE CREATE ON DATABASE " + database + " FROM " + role, "GRANT CREATE ON DATABASE " + database + " TO " + role, "may not keep its state", "GRANT CREATE ON DATABASE"},
		{"CREATE SCHEMA _sluice", "DROP SCHEMA _sluice", "may not keep its state", "GRANT USAGE, CREATE ON SCHEMA _sluice"},
		{"CREATE SCHEMA _sluice; " + createStates, "DROP SCHEMA _sluice CASCADE", "may not keep its state", "GRANT USAGE, CREATE ON SCHEMA _sluice TO this role, and SELECT"},
		{"CREATE SCHEMA _sluice; " + createStates + "; GRANT USAGE ON SCHEMA _sluice TO public", "DROP SCHEMA _sluice CASCADE", "may not keep its state", "GRANT SELECT, INSERT, UPDATE, DELETE"},
	} {
		t.Run(tt.take, func(t *testing.T) {
			pgtest.Query(t, address, "DROP TABLE IF EXISTS public.account; CREATE TABLE public.account (id text, generation bigint, filler text); GRANT ALL ON public.account TO "+role)
			pgtest.Query(t, address, tt.take)
			defer pgtest.Query(t, address, tt.giveBack)
			before := everything(t, address)
			_, err := put(t.Context(), dial(t, guests, Options{}), stated(destination.Merge, "run1"), &state.State{}, generationBatch(1, 0, 1))
			refused(t, address, tt.want, tt.hint, before, err)
		})
	}
	mustPut(t, dial(t, guests, Options{}), stated(destination.Merge, "run1"), generationBatch(1, 0, 1))
}

// TestTooFewConnections has as many stages open as a role has connections: they
// take turns. With one alone nothing goes.
func TestTooFewConnections(t *testing.T) {
	address := pgtest.Database(t)
	role, guests := guest(t, address)
	before := everything(t, address)
	pgtest.Query(t, address, "ALTER ROLE "+role+" CONNECTION LIMIT 1")
	_, err := put(t.Context(), dial(t, guests, Options{LockTimeout: 200 * time.Millisecond}), stated(destination.Replace, "run1"), &state.State{}, generationBatch(1, 0, 1))
	refused(t, address, "too many connections", "a run needs two", before, err)
	if !isBusy(err) {
		t.Error("it is not said that it may go later")
	}
	pgtest.Query(t, address, "ALTER ROLE "+role+" CONNECTION LIMIT 2")
	l, err := dial(t, guests, Options{LockTimeout: time.Minute}).Begin(t.Context(), stated(destination.Replace, "run2"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Abort(context.Background())
	parts := make(chan error)
	for n := range 4 {
		go func() { parts <- putPart(t.Context(), l, fmt.Sprint("part ", n), generationBatch(1, 100*n, 100)) }()
	}
	for range 4 {
		if err := <-parts; err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Commit(t.Context(), &state.State{}); err != nil {
		t.Fatal(err)
	}
	if got := pgtest.Query(t, address, "SELECT count(*), count(DISTINCT id) FROM public.account"); got[0] != "400|400" {
		t.Errorf("%q", got)
	}
}

// TestAStandbyIsRefused copies the server with its rows.
func TestAStandbyIsRefused(t *testing.T) {
	address := pgtest.Database(t)
	if _, err := put(t.Context(), dial(t, address, Options{}), stated(destination.Merge, "run1"), &state.State{Cursor: generationTime(1)}, generationBatch(1, 0, 10)); err != nil {
		t.Fatal(err)
	}
	before := everything(t, address)
	standby := pgtest.Standby(t, address)
	d := dial(t, standby, Options{})
	for _, mode := range []destination.Mode{destination.Merge, destination.Replace} {
		_, err := put(t.Context(), d, stated(mode, "run2"), &state.State{}, generationBatch(2, 0, 10))
		refused(t, address, "is a replica", "primary", before, err)
	}
	refused(t, address, "during recovery", "primary", before, d.States().Put(t.Context(), generationState, state.State{}))
	if list, err := d.States().List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	// Of several servers the address picks the one that takes writes.
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	v, err := url.Parse(standby)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("port", v.Query().Get("port")+",5432")
	query.Set("host", query.Get("host")+","+query.Get("host"))
	query.Set("target_session_attrs", "read-write")
	u.RawQuery = query.Encode()
	mustPut(t, dial(t, u.String(), Options{}), stated(destination.Merge, "run3"), generationBatch(3, 0, 10))
}
