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
	// room takes a value for each connection that is there or being made, idle
	// holds those that nobody uses for a moment. They come with the first
	// settings, and stay.
	room chan struct{}
	idle chan *pgx.Conn
	rest *time.Timer // hangs up on the idle
}

// idleTime is how long a connection waits for its next use after the last one was
// idle: a server's process that has read the catalog answers in a tenth of the
// time, but other programs want connections, too.
const idleTime = time.Second

// defaultConnections is how many connections a Destination has at once where the
// address does not say: others want some, too.
const defaultConnections = 16

// connect gives a connection, in a transaction that a statement begins, with an
// application name and UTC as its time zone. While the server has none left, or is
// starting, it waits as for a lock; while others of ours are at work, for one of
// them to end. Nobody who has a connection may wait for another one, but for that
// of the locks.
func (d *Destination) connect(ctx context.Context, begin string) (*pgx.Conn, error) {
	if _, err := d.server.current(ctx, nil); err != nil {
		return nil, err
	}
	for {
		conn, used, err := d.anyConnection(ctx)
		if err != nil {
			return nil, err
		}
		if err = run(ctx, conn, begin); err == nil {
			return conn, nil
		}
		hangUp(ctx, conn)
		if !used || ctx.Err() != nil {
			return nil, err
		}
	}
}

// anyConnection gives one that was used before, and may have ended meanwhile, or
// a new one.
func (d *Destination) anyConnection(ctx context.Context) (conn *pgx.Conn, used bool, err error) {
	s := d.server
	select {
	case conn := <-s.idle:
		return conn, true, nil
	default:
	}
	select {
	case conn := <-s.idle:
		return conn, true, nil
	case s.room <- struct{}{}:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	conn, used, err = d.patiently(ctx)
	if err != nil || used {
		<-s.room
		return conn, used, err
	}
	d.open.Add(1)
	go func() {
		<-conn.PgConn().CleanupDone()
		d.open.Add(-1)
		<-s.room
	}()
	return conn, false, nil
}

func (d *Destination) patiently(ctx context.Context) (conn *pgx.Conn, used bool, err error) {
	deadline := time.Now().Add(d.options.LockTimeout)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		conn, err := d.dial(ctx)
		left := time.Until(deadline)
		if d.open.Load() > 1 {
			left = max(d.options.LockTimeout, pause)
			deadline = time.Now().Add(left)
		}
		if !isBusy(err) || left <= 0 {
			return conn, false, err
		}
		d.log.Debug("the server has no connection for us, waiting", "cause", err)
		select {
		case conn := <-d.server.idle:
			return conn, true, nil
		case <-time.After(min(pause, left)):
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// handBack leaves a connection to whoever wants one next, if its transaction has
// ended and nobody asked the server to end a statement of it.
func (d *Destination) handBack(ctx context.Context, conn *pgx.Conn) {
	const none = 'I'
	if conn.IsClosed() || conn.PgConn().TxStatus() != none || conn.PgConn().CustomData()[cancelled] != nil {
		hangUp(ctx, conn)
		return
	}
	d.server.idle <- conn // has room for all there are
	d.server.rest.Reset(idleTime)
}

// hangUpIdle closes the connections that nobody uses.
func (s *server) hangUpIdle() {
	for {
		select {
		case conn := <-s.idle:
			hangUp(context.Background(), conn)
		default:
			return
		}
	}
}

// dial is connect without patience.
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
	if s.config, err = configure(u); err == nil && s.room == nil {
		most := cmp.Or(u.Connections, defaultConnections)
		s.room, s.idle = make(chan struct{}, most), make(chan *pgx.Conn, most)
		s.rest = time.AfterFunc(idleTime, s.hangUpIdle)
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

// inTransaction runs do in a transaction on a connection of its own.
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
	defer d.handBack(ctx, conn)
	if err := do(conn); err != nil {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "ROLLBACK")
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
