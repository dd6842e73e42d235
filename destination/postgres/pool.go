package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// idleTime is how long a connection waits for its next use: a process of the server
// that has read the catalog answers in a tenth of the time of a new one, but other
// programs want connections, too.
const idleTime = time.Second

// pool bounds the connections of a destination, and has those that nobody uses for
// a moment.
type pool struct {
	// room takes a value for each connection that is in use, being made or being
	// ended. One is made only where none is idle, so that there are never more.
	room chan struct{}
	// freed is told of a connection that was handed back.
	freed chan struct{}
	open  atomic.Int64 // connections, the idle among them
	rest  time.Duration

	mu    sync.Mutex // guards what follows
	idle  []idle     // in the order of their time; the last is used next
	timer *time.Timer
}

// idle is a connection that nobody uses since a moment.
type idle struct {
	conn  *pgx.Conn
	since time.Time
}

func newPool(most int) *pool {
	p := &pool{room: make(chan struct{}, most), freed: make(chan struct{}, 1), rest: idleTime}
	p.timer = time.AfterFunc(p.rest, func() { p.hangUp(p.rest) })
	p.timer.Stop()
	return p
}

// madeWith names in a connection's CustomData the settings that it was made with.
const madeWith = "sluice.config"

// take gives the connection that was in use last, if it was made with these
// settings; nil when there is none. The server may have ended it meanwhile.
func (p *pool) take(ctx context.Context, config *pgx.ConnConfig) *pgx.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := len(p.idle); n > 0; n = len(p.idle) {
		conn := p.idle[n-1].conn
		p.idle = p.idle[:n-1]
		if conn.PgConn().CustomData()[madeWith] == config {
			return conn
		}
		go p.end(ctx, conn, func() {})
	}
	return nil
}

// handBack ends the use of a connection. The next one has it, if its transaction
// has ended and nobody asked the server to end a statement of it.
func (p *pool) handBack(ctx context.Context, conn *pgx.Conn) {
	const none = 'I'
	if conn.IsClosed() || conn.PgConn().TxStatus() != none || conn.PgConn().CustomData()[cancelled] != nil {
		p.drop(ctx, conn)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, idle{conn, time.Now()})
	if len(p.idle) == 1 {
		p.timer.Reset(p.rest)
	}
	<-p.room
	select {
	case p.freed <- struct{}{}:
	default: // who waits looks again anyway
	}
}

// drop ends the use of a connection, and the connection.
func (p *pool) drop(ctx context.Context, conn *pgx.Conn) { p.end(ctx, conn, func() { <-p.room }) }

// end ends a connection. Then is called when nothing is left of it here.
func (p *pool) end(ctx context.Context, conn *pgx.Conn, then func()) {
	hangUp(ctx, conn)
	go func() {
		<-conn.PgConn().CleanupDone()
		p.open.Add(-1)
		then()
	}()
}

// hangUp ends the connections that have been idle for so long.
func (p *pool) hangUp(after time.Duration) {
	for conn := p.rested(after); conn != nil; conn = p.rested(after) {
		p.drop(context.Background(), conn)
	}
}

// rested gives a connection that has been idle for so long, to be dropped.
func (p *pool) rested(after time.Duration) *pgx.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	if left := after - time.Since(p.idle[0].since); left > 0 {
		p.timer.Reset(left)
		return nil
	}
	select {
	case p.room <- struct{}{}:
	default: // as many are at work as there may be, and want it next
		p.timer.Reset(p.rest)
		return nil
	}
	conn := p.idle[0].conn
	p.idle = p.idle[1:]
	return conn
}
