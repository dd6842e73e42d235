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

// tableLock keeps two loads of one table apart, also those of two processes. It
// is an advisory lock of a transaction that waits on a connection of its own:
// it goes with the process or the connection, and a pooler that gives each
// transaction a session of its own leaves it alone. A waiting transaction
// without a snapshot holds up no vacuum.
type tableLock struct{ conn *pgx.Conn }

// The advisory locks of a table: one for a load, one for its commit.
const (
	loadLock   = "load"
	commitLock = "commit"
)

// minLockTime is how long a commit waits for locks at least. PostgreSQL ends an
// autovacuum that is in the way after a second.
const minLockTime = 10 * time.Second

// lockKey is the number of an advisory lock. Two tables of one number would
// wait for each other, no more.
func lockKey(what string, t destination.TableName) int64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "sluice\x00%s\x00%s\x00%s", what, t.Schema, t.Table))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// lockTable takes the lock of a table, and waits for it as long as the options
// say.
func (d *Destination) lockTable(ctx context.Context, t destination.TableName) (*tableLock, error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	l := &tableLock{conn}
	err = d.take(ctx, conn, t)
	if err == nil {
		err = d.awaitCommit(ctx, conn, t)
	}
	if err != nil {
		l.release(ctx)
		return nil, err
	}
	return l, nil
}

// awaitCommit waits for a commit whose process was killed: the server goes on
// with it. Going back to the savepoint gives the lock of commits back.
func (d *Destination) awaitCommit(ctx context.Context, conn *pgx.Conn, t destination.TableName) error {
	wait := lockTimeout(max(d.options.LockTimeout, minLockTime).Milliseconds())
	if err := run(ctx, conn, "SAVEPOINT look; "+wait); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, lockName, lockKey(commitLock, t)); err != nil {
		return err
	}
	return run(ctx, conn, "ROLLBACK TO SAVEPOINT look")
}

func (d *Destination) take(ctx context.Context, conn *pgx.Conn, t destination.TableName) error {
	if err := run(ctx, conn, beginReading); err != nil {
		return err
	}
	key := lockKey(loadLock, t)
	var taken bool
	if err := conn.QueryRow(ctx, tryLockName, key).Scan(&taken); err != nil || taken {
		return err
	}
	holder := describeHolder(ctx, conn, key)
	if wait := d.options.LockTimeout; wait > 0 {
		d.log.Debug("waiting for the table", "table", t.String(), "holder", holder, "at_most", wait)
		if _, err := conn.Exec(ctx, lockTimeout(max(wait.Milliseconds(), 1))); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, lockName, key)
		if err == nil {
			_, err = conn.Exec(ctx, lockTimeout(0))
		}
		if err == nil || sqlState(err) != lockNotAvailable {
			return err
		}
	}
	return &destination.Error{
		Err:  fmt.Errorf("another run is loading table %s: %s", t, holder),
		Mend: "wait until it ends, or wait longer with --lock-timeout",
		Busy: true,
	}
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

// alive says whether the lock is still ours.
func (l *tableLock) alive(ctx context.Context) bool {
	return run(ctx, l.conn, "SELECT 1") == nil
}

// release gives the lock back before it returns, where the server answers.
func (l *tableLock) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
	defer cancel()
	_, _ = l.conn.Exec(ctx, "ROLLBACK")
	_ = l.conn.Close(ctx)
}

// lockNeighbours keeps the commits of tables that foreign keys tie together
// apart, as each locks rows of the other in an order of its own. All runs take
// these locks in one order, so that none waits for one that waits for it.
func lockNeighbours(ctx context.Context, conn *pgx.Conn, t destination.TableName, referred []destination.TableName) error {
	type lock struct {
		key int64
		sql string
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
		if _, err := conn.Exec(ctx, l.sql, l.key); err != nil {
			return err
		}
	}
	return nil
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
