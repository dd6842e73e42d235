package postgres

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
	"sluice/destination/desttest"
	"sluice/destination/postgres/pgtest"
	"sluice/state"
)

// byTransaction lets each transaction have another session than the one before.
var byTransaction = []string{"pool_mode = transaction", "server_round_robin = 1", "default_pool_size = 12"}

// TestContractByTransactions is the whole contract through a PgBouncer. It takes
// as long as the one without, and is for who has changed what a load does
// between its transactions: SLUICE_TEST_POOLED=1.
func TestContractByTransactions(t *testing.T) {
	if os.Getenv("SLUICE_TEST_POOLED") == "" {
		t.Skip("SLUICE_TEST_POOLED=1 asks for it")
	}
	desttest.Run(t, func(t *testing.T) desttest.Subject {
		address := pgtest.Database(t)
		return subject(address, pgtest.Pooled(t, address, byTransaction...))
	})
}

// TestSessionsThatChange makes every connection take over another session than
// it had, and loads with other sessions in use all the while.
func TestSessionsThatChange(t *testing.T) {
	address := pgtest.Database(t)
	pooled := pgtest.Pooled(t, address, byTransaction...)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 3)
	for range cap(ended) {
		go func() { ended <- jostle(ctx, pooled) }()
	}
	d := dial(t, pooled, Options{LockTimeout: time.Minute})
	for n := range int64(10) {
		mode := []destination.Mode{destination.Merge, destination.Replace}[n%2]
		if _, err := put(ctx, d, stated(mode, fmt.Sprint("run", n)), &state.State{Cursor: generationTime(n)}, generationBatch(n, 0, 500), generationBatch(n, 500, 500)); err != nil {
			t.Fatal(err)
		}
		if got := pgtest.Query(t, address, "SELECT count(*), count(DISTINCT id), min(generation), max(generation) FROM public.account"); got[0] != fmt.Sprintf("1000|1000|%d|%d", n, n) {
			t.Errorf("%q", got)
		}
	}
	// One run of a table at a time.
	l, err := d.Begin(ctx, stated(destination.Merge, "run10"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Abort(context.Background())
	_, err = dial(t, pooled, Options{}).Begin(ctx, stated(destination.Merge, "run11"))
	if !isBusy(err) {
		t.Errorf("%v, want a table that is being loaded", err)
	}
	stop()
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// jostle uses sessions of a pool, and leaves settings in them.
func jostle(ctx context.Context, address string) error {
	always := context.WithoutCancel(ctx)
	conn, err := pgx.Connect(always, address)
	if err != nil {
		return err
	}
	defer conn.Close(always)
	for ctx.Err() == nil {
		if _, err := conn.Exec(always, "SET search_path = nowhere; SET statement_timeout = '10s'; SET extra_float_digits = 0"); err != nil {
			return err
		}
	}
	return nil
}

// TestPoolsThatDoNotDo: too small, too full, or by the statement.
func TestPoolsThatDoNotDo(t *testing.T) {
	address := pgtest.Database(t)
	before := everything(t, address)
	for _, tt := range []struct {
		name, want, hint string
		settings         []string
	}{
		{"one session", "query_wait_timeout", "default_pool_size", []string{"pool_mode = transaction", "default_pool_size = 1", "query_wait_timeout = 2"}},
		{"one client", "no more connections allowed", "pool_max_conns", []string{"pool_mode = transaction", "max_client_conn = 1"}},
		{"by the statement", "statement pooling", "by transaction or session", []string{"pool_mode = statement"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pooled := pgtest.Pooled(t, address, tt.settings...)
			_, err := put(t.Context(), dial(t, pooled, Options{}), stated(destination.Merge, "run1"), &state.State{}, generationBatch(1, 0, 10))
			refused(t, address, tt.want, tt.hint, before, err)
		})
	}
}
