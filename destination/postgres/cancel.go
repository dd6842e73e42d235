package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// canceller asks the server to end a statement that nobody waits for any more:
// it would keep its locks. Unlike pgx's own, it waits until the request has been
// answered also when the statement has ended by then: PgBouncer 1.18 ends
// itself, for all its clients, when such a request is taken back.
type canceller struct {
	conn *pgconn.PgConn
	sent chan struct{}
}

// cancelSettles is how long a request that was answered may take to reach the
// session that it is about, whose next statement it would end else.
const cancelSettles = 100 * time.Millisecond

// HandleCancel implements the Handler of pgx's ctxwatch.
func (c *canceller) HandleCancel(ended context.Context) {
	deadline := time.Now().Add(goodbyeTime)
	_ = c.conn.Conn().SetDeadline(deadline) // a closed one needs none
	c.sent = make(chan struct{})
	go func() {
		defer close(c.sent)
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ended), deadline)
		defer cancel()
		_ = c.conn.CancelRequest(ctx) // the deadline ends what it does not
		time.Sleep(cancelSettles)
	}()
}

// cancelled marks a connection in its CustomData: the request may still reach its
// session later than was thought, and end what another has begun there.
const cancelled = "sluice.cancelled"

// HandleUnwatchAfterCancel implements the Handler of pgx's ctxwatch.
func (c *canceller) HandleUnwatchAfterCancel() {
	<-c.sent
	c.conn.CustomData()[cancelled] = true
	_ = c.conn.Conn().SetDeadline(time.Time{})
}
