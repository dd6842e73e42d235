package postgres

import (
	"cmp"
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"sluice/uri"
)

// connectTime bounds the making of a connection where the address says nothing.
const connectTime = 30 * time.Second

// goodbyeTime is how long a server may take to answer when we are done with it.
const goodbyeTime = 5 * time.Second

// server is where connections go.
type server struct {
	// address is asked once, and again when rotates is true and the server has
	// refused the login.
	address func(ctx context.Context) (uri.Postgres, error)
	rotates bool

	mu     sync.Mutex
	config *pgx.ConnConfig
	pool   *pool // comes with the first settings, and stays
}

// defaultConnections is how many connections a Destination has at once where the
// address does not say: others want some, too.
const defaultConnections = 16

// connect gives a connection, in a transaction that a statement begins, with an
// application name and UTC as its time zone; the pool wants it back. While the
// server has none left, or is starting, connect waits as for a lock; while others
// of ours are at work, for one of theirs. Nobody who has a connection may wait for
// another one, but for that of the locks.
func (d *Destination) connect(ctx context.Context, begin string) (*pgx.Conn, error) {
	if _, err := d.server.current(ctx, nil); err != nil {
		return nil, err
	}
	pool := d.server.pool
	select {
	case pool.room <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for {
		conn, used, err := d.patiently(ctx)
		if err != nil {
			<-pool.room
			return nil, err
		}
		if err = run(ctx, conn, begin); err == nil {
			return conn, nil
		}
		if !used || ctx.Err() != nil || !conn.IsClosed() {
			pool.drop(ctx, conn)
			return nil, err
		}
		pool.end(ctx, conn, func() {})
		d.log.Debug("a connection has ended that nobody used, taking another one", "cause", err)
	}
}

// patiently gives a connection that was used before, or a new one.
func (d *Destination) patiently(ctx context.Context) (conn *pgx.Conn, used bool, err error) {
	pool := d.server.pool
	deadline := time.Now().Add(d.options.LockTimeout)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		config, err := d.server.current(ctx, nil)
		if err != nil {
			return nil, false, err
		}
		if conn := pool.take(ctx, config); conn != nil {
			return conn, true, nil
		}
		conn, err := d.dial(ctx)
		if err == nil {
			pool.open.Add(1)
			return conn, false, nil
		}
		left := time.Until(deadline)
		if pool.open.Load() > 1 {
			left = max(d.options.LockTimeout, pause)
			deadline = time.Now().Add(left)
		}
		if !isBusy(err) || left <= 0 {
			return nil, false, err
		}
		d.log.Debug("the server has no connection for us, waiting", "cause", err)
		select {
		case <-pool.freed:
		case <-time.After(min(pause, left)):
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// dial makes a connection, without patience.
func (d *Destination) dial(ctx context.Context) (*pgx.Conn, error) {
	s := d.server
	config, err := s.current(ctx, nil)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil && s.rotates && refusesLogin(err) {
		d.log.Debug("the server refuses the login, asking for the address again")
		if config, err = s.current(ctx, config); err != nil {
			return nil, err
		}
		conn, err = pgx.ConnectConfig(ctx, config.Copy())
	}
	if err != nil {
		return nil, connectError(config, err)
	}
	conn.PgConn().CustomData()[madeWith] = config
	return conn, nil
}

// current gives the settings of connections; other than stale ones, which the
// server has refused.
func (s *server) current(ctx context.Context, stale *pgx.ConnConfig) (*pgx.ConnConfig, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config != nil && s.config != stale {
		return s.config, nil
	}
	u, err := s.address(ctx)
	if err != nil {
		return nil, err
	}
	if s.config, err = configure(u); err == nil && s.pool == nil {
		s.pool = newPool(cmp.Or(u.Connections, defaultConnections)) //nolint:contextcheck // it outlives the call
	}
	return s.config, err
}

func configure(u uri.Postgres) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(u.Address.Reveal())
	if err != nil {
		// The text of the error quotes the address, and uri has a better one.
		if _, err := uri.ParsePostgres(u.Address.Reveal()); err != nil {
			return nil, err
		}
		return nil, &uri.Error{Text: "the address of " + u.String() + " cannot be read any more", Mend: "check the files that it names"}
	}
	// A pooler may give each transaction another session: nothing is prepared
	// by name, and no setting is left behind but these, which poolers know.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
	maps.DeleteFunc(c.RuntimeParams, func(name, _ string) bool { return strings.HasPrefix(name, "pool_") })
	c.RuntimeParams["timezone"] = "UTC"
	c.RuntimeParams["client_encoding"] = "UTF8"
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "sluice"
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTime
	}
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler { return &canceller{conn: conn} }
	return c, nil
}

// hangUp closes a connection, whatever has become of ctx.
func hangUp(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
	defer cancel()
	_ = conn.Close(ctx)
}

// inTransaction runs do in a transaction on a connection that nobody else uses.
func (d *Destination) inTransaction(ctx context.Context, do func(*pgx.Conn) error) error {
	return d.apart(ctx, begin, do)
}

// reading is inTransaction for what changes nothing.
func (d *Destination) reading(ctx context.Context, do func(*pgx.Conn) error) error {
	return d.apart(ctx, beginReading, do)
}

func (d *Destination) apart(ctx context.Context, begin string, do func(*pgx.Conn) error) error {
	conn, err := d.connect(ctx, begin)
	if err != nil {
		return err
	}
	defer d.server.pool.handBack(ctx, conn)
	if err := do(conn); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
		defer cancel()
		_, _ = conn.Exec(ctx, "ROLLBACK") // a connection that does not take it serves nobody else
		return err
	}
	return commit(ctx, conn)
}

// commit ends a transaction. Whatever becomes of ctx meanwhile, the answer is
// waited for: nobody could say else whether the rows are in the table.
func commit(ctx context.Context, conn *pgx.Conn) error {
	tag, err := conn.Exec(context.WithoutCancel(ctx), "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		return errRolledBack
	}
	return err
}

// run carries out statements, in one message, up to the first that fails.
func run(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	_, err := conn.Exec(ctx, strings.Join(statements, ";\n"))
	return err
}
