package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
	"sluice/state"
	"sluice/uri"
)

// numbered is stated for one of many tables.
func numbered(n int, mode destination.Mode, run string) destination.Spec {
	s := stated(mode, run)
	s.Table.Table = fmt.Sprint("account", n)
	s.State.Dest = s.Table.String()
	return s
}

// putMany loads tables side by side, each in three parts that are staged side by
// side.
func putMany(ctx context.Context, d *Destination, tables int, generation int64) error {
	g, ctx := errgroup.WithContext(ctx)
	for n := range tables {
		g.Go(func() error {
			l, err := d.Begin(ctx, numbered(n, destination.Merge, fmt.Sprint("run", generation)))
			if err != nil {
				return err
			}
			defer l.Abort(context.WithoutCancel(ctx))
			parts, ctx := errgroup.WithContext(ctx)
			for part := range 3 {
				parts.Go(func() error {
					return putPart(ctx, l, fmt.Sprint("part ", part), generationBatch(generation, 100*part, 100))
				})
			}
			if err := parts.Wait(); err != nil {
				return err
			}
			_, err = l.Commit(context.WithoutCancel(ctx), &state.State{Cursor: generationTime(generation)})
			return err
		})
	}
	return g.Wait()
}

func checkMany(t *testing.T, address string, tables int, generation int64) {
	t.Helper()
	for n := range tables {
		if got := pgtest.Query(t, address, fmt.Sprintf("SELECT count(*), count(DISTINCT id), min(generation), max(generation) FROM public.account%d", n)); got[0] != fmt.Sprintf("300|300|%d|%d", generation, generation) {
			t.Errorf("table %d: %q", n, got)
		}
	}
}

// countConnections has a destination count the connections that a server has let
// it open, until they are closed or, where the bound is the server's own, until it
// is told that they end: it gives the place to the next one before it hangs up. The
// server is no witness: it lists one that was closed a moment longer.
func countConnections(t *testing.T, d *Destination, untilGoodbye bool) (most func() int) {
	t.Helper()
	config, err := d.server.current(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards what follows
	highest := 0
	open := map[net.Conn]bool{}
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{conn, untilGoodbye, func(c net.Conn) {
			mu.Lock()
			defer mu.Unlock()
			delete(open, c)
		}}, nil
	}
	config.AfterConnect = func(_ context.Context, conn *pgconn.PgConn) error {
		mu.Lock()
		defer mu.Unlock()
		open[conn.Conn()] = true
		highest = max(highest, len(open))
		return nil
	}
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return highest
	}
}

// watchedConn tells when it ends.
type watchedConn struct {
	net.Conn
	untilGoodbye bool
	ended        func(net.Conn)
}

// terminate is the message with which a client takes its leave.
var terminate = []byte{'X', 0, 0, 0, 4}

func (c *watchedConn) Write(b []byte) (int, error) {
	if c.untilGoodbye && bytes.Equal(b, terminate) {
		c.ended(c)
	}
	return c.Conn.Write(b)
}

func (c *watchedConn) Close() error {
	c.ended(c)
	return c.Conn.Close()
}

// TestManyTablesShareFewConnections loads six tables of three parts at once: never with more
// connections than the address or the server allows, and none fails for want
// of one.
func TestManyTablesShareFewConnections(t *testing.T) {
	address := pgtest.Database(t)
	role, guests := guest(t, address)
	const tables = 6
	generation := int64(0)
	for _, tt := range []struct {
		name, parameter string
		limit           string // of the role
		most            int
		untilGoodbye    bool
	}{
		{"as many as there are", "", "-1", defaultConnections, false},
		{"as many as the address says", "&pool_max_conns=5", "-1", 5, false},
		{"the fewest there can be", "&pool_max_conns=2", "2", 2, false},
		{"as many as the server has", "", "3", 3, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			generation++
			pgtest.Query(t, address, "ALTER ROLE "+role+" CONNECTION LIMIT "+tt.limit)
			d := dial(t, guests+tt.parameter, Options{LockTimeout: 2 * time.Second})
			most := countConnections(t, d, tt.untilGoodbye)
			if err := putMany(t.Context(), d, tables, generation); err != nil {
				t.Error(err)
			}
			n := most()
			t.Logf("%d connections at most", n)
			if n < 1 || n > tt.most {
				t.Errorf("%d connections", n)
			}
			checkMany(t, address, tables, generation)
		})
	}
}

// TestALockIsGivenBackWithItsLoad has two loads of one destination, whose locks
// are held by one session: the end of one frees its table alone.
func TestALockIsGivenBackWithItsLoad(t *testing.T) {
	address := pgtest.Database(t)
	d, other := dial(t, address, Options{}), dial(t, address, Options{})
	ctx := t.Context()
	begin := func(d *Destination, n int, want bool) destination.Load {
		t.Helper()
		l, err := d.Begin(ctx, numbered(n, destination.Merge, "run1"))
		if taken := err == nil; taken != want || err != nil && !isBusy(err) {
			t.Fatalf("table %d: %v", n, err)
		}
		return l
	}
	a, b := begin(d, 1, true), begin(d, 2, true)
	begin(other, 1, false)
	begin(other, 2, false)
	if got := pgtest.Query(t, address, "SELECT count(DISTINCT pid), count(*) FROM pg_locks WHERE locktype = 'advisory'"); got[0] != "1|2" {
		t.Errorf("sessions and locks: %s", got[0])
	}
	if err := a.Abort(ctx); err != nil {
		t.Fatal(err)
	}
	begin(other, 2, false)
	taken := begin(other, 1, true)
	begin(d, 1, false)
	for _, l := range []destination.Load{b, taken} {
		if err := l.Abort(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// A session takes a moment to end; one that stays lets the test run out of time.
	for pgtest.Query(t, address, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice' AND datname = current_database()")[0] != "0" {
		time.Sleep(10 * time.Millisecond)
	}
}

// TestLocksAreTakenAgain ends the session that holds the locks of three loads:
// all commit, but for the one whose table another run has taken.
func TestLocksAreTakenAgain(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	ctx := t.Context()
	var loads []destination.Load
	for n := range 3 {
		l, err := d.Begin(ctx, numbered(n, destination.Merge, "run1"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Abort(context.Background())
		if err := putPart(ctx, l, "part", generationBatch(1, 0, 10)); err != nil {
			t.Fatal(err)
		}
		loads = append(loads, l)
	}
	pgtest.Query(t, address, "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'")
	other, err := dial(t, address, Options{}).Begin(ctx, numbered(1, destination.Merge, "run2"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Abort(context.Background())
	for n, l := range loads {
		_, err := l.Commit(ctx, &state.State{Cursor: generationTime(1)})
		if n == 1 && (!isBusy(err) || !strings.Contains(err.Error(), "another run is loading")) || n != 1 && err != nil {
			t.Errorf("table %d: %v", n, err)
		}
	}
	if got := pgtest.Query(t, address, "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE tablename ~ '^account'"); got[0] != "account0 account2" {
		t.Errorf("%q", got)
	}
	if err := loads[1].Abort(ctx); err != nil {
		t.Error(err)
	}
	if _, err := other.Commit(ctx, &state.State{}); err != nil {
		t.Error(err)
	}
}

// TestNeighboursNeverDeadlock merges two tables whose foreign keys point at each
// other, and at themselves, side by side, each in an order of its own, in two
// processes' way: the server has to end nobody's transaction.
func TestNeighboursNeverDeadlock(t *testing.T) {
	address := pgtest.Database(t)
	pgtest.Query(t, address, `CREATE TABLE public.account0 (id text PRIMARY KEY, generation bigint, filler text, other text DEFAULT '000001', self text DEFAULT '000002' REFERENCES public.account0 DEFERRABLE INITIALLY DEFERRED);
		CREATE TABLE public.account1 (LIKE public.account0 INCLUDING ALL, FOREIGN KEY (self) REFERENCES public.account1 DEFERRABLE INITIALLY DEFERRED);
		INSERT INTO public.account0 (id) SELECT lpad(n::text, 6, '0') FROM generate_series(0, 999) AS n; INSERT INTO public.account1 SELECT * FROM public.account0; SET CONSTRAINTS ALL IMMEDIATE;
		ALTER TABLE public.account0 ADD FOREIGN KEY (other) REFERENCES public.account1 ON UPDATE CASCADE; ALTER TABLE public.account1 ADD FOREIGN KEY (other) REFERENCES public.account0;
		CREATE FUNCTION public.point() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.other := lpad(((NEW.id::int * 7 + NEW.generation) % 1000)::text, 6, '0'); RETURN NEW; END $$;
		CREATE TRIGGER point BEFORE UPDATE OR INSERT ON public.account0 FOR EACH ROW EXECUTE FUNCTION public.point();
		CREATE TRIGGER point BEFORE UPDATE OR INSERT ON public.account1 FOR EACH ROW EXECUTE FUNCTION public.point();
		ALTER DATABASE `+pgtest.Query(t, address, "SELECT current_database()")[0]+` SET deadlock_timeout = '5ms'`)
	rounds := int64(3 * crashes(t))
	var g errgroup.Group
	for n := range 2 {
		d := dial(t, address, Options{LockTimeout: time.Minute})
		g.Go(func() error {
			for round := int64(1); round <= rounds; round++ {
				mode := []destination.Mode{destination.Merge, destination.Replace}[(round+int64(n))%2]
				if _, err := put(t.Context(), d, numbered(n, mode, fmt.Sprint("run", round)), &state.State{}, generationBatch(round, 500*n, 500), generationBatch(round, 500-500*n, 500)); err != nil {
					return fmt.Errorf("round %d: %w", round, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	// What a deletion would take along is kept apart, too.
	pgtest.Query(t, address, "CREATE TABLE public.account2 (id text REFERENCES public.account1 ON DELETE CASCADE)")
	err := dial(t, address, Options{}).reading(t.Context(), func(conn *pgx.Conn) error {
		s, err := inspect(t.Context(), conn, numbered(2, "", "").Table)
		if len(s.referred) != 2 {
			t.Errorf("%v", s.referred)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for n := range 2 {
		if got := pgtest.Query(t, address, fmt.Sprintf("SELECT count(*), count(DISTINCT id), min(generation) FROM public.account%d", n)); got[0] != fmt.Sprintf("1000|1000|%d", rounds) {
			t.Errorf("table %d: %q", n, got)
		}
	}
	if got := pgtest.Query(t, address, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); got[0] != "0" {
		t.Errorf("%s deadlocks", got[0])
	}
}

// resting makes connections of a destination wait so long for their next use.
func resting(t *testing.T, address string, rest time.Duration) *Destination {
	t.Helper()
	d := dial(t, address, Options{})
	if _, err := d.server.current(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	d.server.pool.rest = rest
	return d
}

// waiting gives the server's processes behind the connections that nobody uses.
func waiting(d *Destination) (pids []uint32) {
	p := d.server.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.idle {
		pids = append(pids, i.conn.PgConn().PID())
	}
	return pids
}

// burst has so many connections of d at once, and hands them back.
func burst(t *testing.T, d *Destination, many int) {
	t.Helper()
	for range many {
		conn, err := d.connect(t.Context(), begin)
		if err != nil {
			t.Fatal(err)
		}
		defer d.server.pool.handBack(t.Context(), conn)
		defer func() {
			if err := run(t.Context(), conn, "COMMIT"); err != nil {
				t.Error(err)
			}
		}()
	}
}

// TestConnectionsServeOneLoadAfterAnother: twelve loads take two connections, that
// of the locks and one more, which end with the destination.
func TestConnectionsServeOneLoadAfterAnother(t *testing.T) {
	address := pgtest.Database(t)
	d := resting(t, address, time.Hour)
	used := map[uint32]bool{}
	for n := range int64(12) {
		mustPut(t, d, stated(destination.Merge, fmt.Sprint("run", n)), generationBatch(n, 0, 10))
		for _, pid := range waiting(d) {
			used[pid] = true
		}
	}
	if len(used) != 2 {
		t.Errorf("%d connections, want 2", len(used))
	}
	if got := pgtest.Query(t, address, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); got[0] != "0" {
		t.Errorf("a connection that waits holds %s locks", got[0])
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(waiting(d)); n > 0 {
		t.Errorf("%d connections outlive the destination", n)
	}
}

// TestConnectionsThatNobodyWantsEnd while others are in use again and again.
func TestConnectionsThatNobodyWantsEnd(t *testing.T) {
	d := resting(t, pgtest.Database(t), 300*time.Millisecond)
	burst(t, d, 8)
	if n := len(waiting(d)); n != 8 {
		t.Fatalf("%d connections wait, want 8", n)
	}
	for len(waiting(d)) > 1 { // more that stay let the test run out of time
		burst(t, d, 1)
	}
}

// TestAConnectionThatEndedUnused has the server end the connections that wait for
// a next load, as its timeouts and its administrators do.
func TestAConnectionThatEndedUnused(t *testing.T) {
	address := pgtest.Database(t)
	d := resting(t, address, time.Hour)
	for n := range int64(5) {
		burst(t, d, 4)
		pgtest.Query(t, address, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'sluice' AND datname = current_database()")
		mustPut(t, d, stated(destination.Merge, fmt.Sprint("run", n)), generationBatch(n, 0, 10))
	}
	if got := pgtest.Query(t, address, "SELECT count(*), min(generation) FROM public.account"); got[0] != "10|4" {
		t.Errorf("%q", got)
	}
}

// TestACancelledConnectionServesNobodyElse: the server may be told to end a
// statement after that has ended, and would end the next.
func TestACancelledConnectionServesNobodyElse(t *testing.T) {
	d := resting(t, pgtest.Database(t), time.Hour)
	var cancelled uint32
	err := d.reading(t.Context(), func(conn *pgx.Conn) error {
		cancelled = conn.PgConn().PID()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		return run(ctx, conn, "SELECT pg_sleep(60)")
	})
	if err == nil || cancelled == 0 {
		t.Fatalf("the statement was not ended: %v", err)
	}
	if pids := waiting(d); slices.Contains(pids, cancelled) {
		t.Error("it waits for its next use")
	}
}

// TestAConnectionToAnOldAddressServesNobodyElse: Heroku moves databases.
func TestAConnectionToAnOldAddressServesNobodyElse(t *testing.T) {
	at := pgtest.Database(t)
	d := open(&server{rotates: true, address: func(context.Context) (uri.Postgres, error) { return uri.ParsePostgres(at) }}, Options{})
	defer d.Close()
	where := func() (name string) {
		err := d.reading(t.Context(), func(conn *pgx.Conn) error {
			return conn.QueryRow(t.Context(), "SELECT current_database()").Scan(&name)
		})
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	before := where()
	at = pgtest.Database(t)
	stale, err := d.server.current(t.Context(), nil)
	if err == nil {
		_, err = d.server.current(t.Context(), stale)
	}
	if err != nil {
		t.Fatal(err)
	}
	if after := where(); after == before {
		t.Errorf("still in %s", after)
	}
}

// TestLoadsPrepareSideBySide: only who makes a schema keeps others from it.
func TestLoadsPrepareSideBySide(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	mustPut(t, d, numbered(0, destination.Merge, "run0"), generationBatch(0, 0, 10))
	err := d.inTransaction(t.Context(), func(conn *pgx.Conn) error {
		if err := run(t.Context(), conn, lockSchemas); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), minLockTime/2)
		defer cancel()
		_, err := put(ctx, d, numbered(1, destination.Merge, "run1"), &state.State{Cursor: generationTime(1)}, generationBatch(1, 0, 10))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestStatesOfManyTablesAreKeptAtOnce from the first on, which makes their table.
func TestStatesOfManyTablesAreKeptAtOnce(t *testing.T) {
	d := dial(t, pgtest.Database(t), Options{LockTimeout: time.Minute})
	const tables, loads = 8, 4
	var g errgroup.Group
	for n := range tables {
		g.Go(func() error {
			for k := range loads {
				key := state.Key{Org: "org", Source: "Account", Dest: fmt.Sprint(n, k)}
				put := func(s state.Store) error { return s.Put(t.Context(), key, state.State{Cursor: generationTime(1)}) }
				if err := d.States().Exclusive(t.Context(), put); err != nil {
					return err
				}
				if err := put(d.States()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if list, err := d.States().List(t.Context()); err != nil || len(list) != tables*loads {
		t.Errorf("%d states, %v", len(list), err)
	}
}

// TestALoadMakesItsSchemaWhileStatesAreHeld: a load whose state is kept in the same
// database, by another address, commits while its own run holds the states.
func TestALoadMakesItsSchemaWhileStatesAreHeld(t *testing.T) {
	address := pgtest.Database(t)
	ctx, cancel := context.WithTimeout(t.Context(), minLockTime/2)
	defer cancel()
	err := dial(t, address, Options{}).States().Exclusive(ctx, func(states state.Store) error {
		s := spec(generation, destination.Replace, "run1")
		s.Table.Schema = "fresh"
		other := dial(t, address, Options{}) //nolint:contextcheck // closed after the test
		if _, err := put(ctx, other, s, nil, generationBatch(1, 0, 10)); err != nil {
			return err
		}
		return states.Put(ctx, state.Key{Org: "org", Source: "Account", Dest: "fresh.account"}, state.State{})
	})
	if err != nil {
		t.Error(err)
	}
}

// TestALookThatWasCancelledSpoilsNoOtherLoad that shares its session of locks.
func TestALookThatWasCancelledSpoilsNoOtherLoad(t *testing.T) {
	d := dial(t, pgtest.Database(t), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	l, err := d.lockTable(ctx, numbered(0, destination.Merge, "").Table)
	if err != nil {
		t.Fatal(err)
	}
	err = d.lookFrom(ctx, l, func(conn *pgx.Conn) error {
		cancel()
		return run(ctx, conn, "SELECT 1")
	})
	if err == nil {
		t.Fatal("the look was not cancelled")
	}
	mustPut(t, d, numbered(1, destination.Merge, "run1"), generationBatch(1, 0, 10))
	d.release(t.Context(), l)
}
