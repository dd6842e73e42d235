package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
)

// tableLock keeps two loads of one table apart, also those of two processes.
type tableLock struct {
	key     int64
	session *lockSession
}

// lockSession is the session that holds the locks of all tables that are being
// loaded. Its advisory locks are those of a session, so that each is given back
// when its load ends. It waits in a transaction, so that a pooler which gives
// each transaction a session of its own leaves it alone, and ends it when our
// connection is lost. Without a snapshot it holds up no vacuum.
type lockSession struct {
	conn  *pgx.Conn
	loads int
}

// The advisory locks of a table: one for a load, one for its commit.
const (
	loadLock   = "load"
	commitLock = "commit"
)

// minLockTime is how long a commit waits for locks at least. PostgreSQL ends an
// autovacuum that is in the way after a second.
const minLockTime = 10 * time.Second

// lockTime is how long a statement may wait for a lock.
func (d *Destination) lockTime() time.Duration { return max(d.options.LockTimeout, minLockTime) }

// lockKey is the number of an advisory lock. Two tables of one number would
// wait for each other, no more.
func lockKey(what string, t destination.TableName) int64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "sluice\x00%s\x00%s\x00%s", what, t.Schema, t.Table))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// lockTable takes the lock of a table, and waits for it as long as the options
// say; then for a commit whose process was killed, which the server goes on with.
func (d *Destination) lockTable(ctx context.Context, t destination.TableName) (*tableLock, error) {
	l := &tableLock{key: lockKey(loadLock, t)}
	err := d.awaitLock(ctx, d.options.LockTimeout, func() (bool, string, error) { return d.take(ctx, l) }, func(holder string) error {
		return &destination.Error{
			Err:  fmt.Errorf("another run is loading table %s: %s", t, holder),
			Mend: "wait until it ends, or wait longer with --lock-timeout",
			Busy: true,
		}
	})
	if err != nil {
		d.release(ctx, l)
		return nil, err
	}
	err = d.awaitLock(ctx, d.lockTime(), func() (bool, string, error) { return d.tryCommitLock(ctx, l, t) }, func(holder string) error {
		return &destination.Error{
			Err:  fmt.Errorf("the server still works on the commit of an earlier run of table %s: %s", t, holder),
			Mend: "wait until it ends, or wait longer with --lock-timeout",
			Busy: true,
		}
	})
	if err != nil {
		d.release(ctx, l)
		return nil, err
	}
	return l, nil
}

// awaitLock tries to take a lock until it is taken or time is up. It asks again
// and again, as the session that waited for one table would keep all others
// waiting.
func (d *Destination) awaitLock(ctx context.Context, most time.Duration, try func() (taken bool, holder string, err error), refuse func(holder string) error) error {
	const shortest, longest = 10 * time.Millisecond, 250 * time.Millisecond
	deadline := time.Now().Add(most)
	for pause := shortest; ; pause = min(2*pause, longest) {
		taken, holder, err := try()
		if err != nil || taken {
			return err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return refuse(holder)
		}
		if pause == shortest {
			d.log.Debug("waiting for a lock", "holder", holder, "at_most", left)
		}
		select {
		case <-time.After(min(pause, left)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// askTime bounds a question to the session of locks, none of which waits.
const askTime = 20 * time.Second

// take tries to take the lock of a table, in a new session where there is none. The
// load stays in that session while it waits for the lock.
func (d *Destination) take(ctx context.Context, l *tableLock) (taken bool, holder string, err error) {
	if err := d.locking.take(ctx); err != nil {
		return false, "", err
	}
	defer d.locking.give()
	if d.locks == nil {
		if d.locks, err = d.newLockSession(ctx); err != nil {
			return false, "", err
		}
	}
	if l.session != d.locks {
		l.session = d.locks
		l.session.loads++
	}
	return d.try(ctx, l.session, tryLockTable, l.key)
}

func (d *Destination) newLockSession(ctx context.Context) (*lockSession, error) {
	conn, err := d.connect(ctx, beginReading)
	if err != nil {
		return nil, err
	}
	return &lockSession{conn: conn}, nil
}

// tryCommitLock looks whether nobody commits to the table.
func (d *Destination) tryCommitLock(ctx context.Context, l *tableLock, t destination.TableName) (free bool, holder string, err error) {
	if err := d.locking.take(ctx); err != nil {
		return false, "", err
	}
	defer d.locking.give()
	return d.try(ctx, l.session, isFree, lockKey(commitLock, t))
}

// try takes an advisory lock, or tells who has it.
func (d *Destination) try(ctx context.Context, s *lockSession, sql string, key int64) (taken bool, holder string, err error) {
	err = d.ask(ctx, s, func(ctx context.Context) error {
		if err := s.conn.QueryRow(ctx, sql, key).Scan(&taken); err != nil || taken {
			return err
		}
		holder = describeHolder(ctx, s.conn, key)
		return nil
	})
	return taken, holder, err
}

// ask puts a question to the session of locks, whatever becomes of ctx: the
// locks of other loads would go with it. One that fails is used no more.
func (d *Destination) ask(ctx context.Context, s *lockSession, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	err := question(ctx)
	if err != nil && d.locks == s {
		d.locks = nil
		d.server.pool.drop(ctx, s.conn)
	}
	return err
}

// leave ends the session with its last load.
func (d *Destination) leave(ctx context.Context, s *lockSession) {
	s.loads--
	if s.loads > 0 || d.locks != s {
		return
	}
	if err := d.ask(ctx, s, func(ctx context.Context) error { return run(ctx, s.conn, unlockAll, "ROLLBACK") }); err == nil {
		d.locks = nil
		d.server.pool.handBack(ctx, s.conn)
	}
}

// lookFrom reads in the session that holds a lock while no other load needs it,
// which spares a connection; else in one of its own. Going back to a savepoint
// unlocks the tables that were read.
func (d *Destination) lookFrom(ctx context.Context, l *tableLock, look func(*pgx.Conn) error) error {
	if err := d.locking.take(ctx); err != nil {
		return err
	}
	if l.session.loads > 1 || d.locks != l.session {
		d.locking.give()
		return d.reading(ctx, look)
	}
	defer d.locking.give()
	conn := l.session.conn
	err := within(ctx, conn, func() error { return look(conn) })
	const inTransaction = 'T'
	if conn.IsClosed() || conn.PgConn().TxStatus() != inTransaction { // it did not go back to the savepoint
		d.locks = nil
		d.server.pool.drop(ctx, conn)
	}
	return err
}

// holds says whether a lock is still ours.
func (d *Destination) holds(ctx context.Context, l *tableLock) bool {
	if d.locking.take(ctx) != nil {
		return false
	}
	defer d.locking.give()
	return d.locks == l.session && d.ask(ctx, l.session, func(ctx context.Context) error { return run(ctx, l.session.conn, "SELECT 1") }) == nil
}

// release gives a lock back before it returns, where the server answers. One that
// is not ours is left alone.
func (d *Destination) release(ctx context.Context, l *tableLock) {
	if l.session == nil || d.locking.take(context.WithoutCancel(ctx)) != nil {
		return
	}
	defer d.locking.give()
	if d.locks == l.session {
		_ = d.ask(ctx, l.session, func(ctx context.Context) error {
			_, err := l.session.conn.Exec(ctx, unlockTable, l.key)
			return err
		})
	}
	d.leave(ctx, l.session)
}

// describeHolder tells who has an advisory lock.
func describeHolder(ctx context.Context, q querier, key int64) string {
	var pid int
	var role, from string
	var since time.Time
	if err := q.QueryRow(ctx, selectHolder, key).Scan(&pid, &role, &from, &since); err != nil {
		return "it does not say where"
	}
	if from == "" {
		from = "the server's machine"
	}
	return fmt.Sprintf("role %q, from %s, since %s, server process %d", role, from, since.UTC().Format(time.RFC3339), pid)
}

// lockNeighbours gives the SQL that keeps the commits of tables that foreign keys
// tie together apart, as each locks rows of the other in an order of its own. All
// runs take these locks in one order, so that none waits for one that waits for it.
func lockNeighbours(t destination.TableName, referred []destination.TableName) (list []string) {
	type lock struct {
		key int64
		sql func(int64) string
	}
	locks := []lock{{lockKey(commitLock, t), lockName}}
	for _, r := range referred {
		locks = append(locks, lock{lockKey(commitLock, r), shareLockName})
	}
	slices.SortFunc(locks, func(a, b lock) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	for _, l := range locks {
		list = append(list, l.sql(l.key))
	}
	return list
}

// checkServer refuses a server that takes no writes.
func checkServer(ctx context.Context, q querier) error {
	var replica bool
	var encoding string
	if err := q.QueryRow(ctx, selectServer).Scan(&replica, &encoding); err != nil {
		return err
	}
	if replica {
		return &destination.Error{
			Err:  errors.New("the server is a replica, which takes no writes"),
			Mend: "give the address of the primary; target_session_attrs=read-write picks it among several hosts",
		}
	}
	if encoding != "UTF8" {
		return &destination.Error{
			Err:  fmt.Errorf("the database is encoded in %s, which does not hold every character", encoding),
			Mend: "make a database with CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'",
		}
	}
	return nil
}
