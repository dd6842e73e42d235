package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
)

// stagingPrefix begins the name of every staging table. They are in the schema
// of their table, as one of them may become the table.
const stagingPrefix = "_sluice_stage_"

// behindStaging is the first name that sorts behind all of them.
const behindStaging = "_sluice_stage`"

// keptFor is how long staged rows wait for a run that goes on with them.
const keptFor = 24 * time.Hour

// Tables beside a staging table, by the end of their names: the keys of rows
// that are gone, those of all rows there are, and the parts that were staged.
const (
	goneSuffix  = "_gone"
	keptSuffix  = "_kept"
	partsSuffix = "_parts"
)

// pairsSuffix ends the name of a table that a commit makes and drops.
const pairsSuffix = "_pairs"

// beside is a table that belongs to staging.
func beside(staging destination.TableName, suffix string) destination.TableName {
	return destination.TableName{Schema: staging.Schema, Table: staging.Table + suffix}
}

// stagingName is the name of the staging table of a run. A long one is
// shortened, so that the names beside it stay apart.
func stagingName(t destination.TableName, run string) destination.TableName {
	const most = maxName - len(partsSuffix)
	name := stagingPrefix + t.Table + "_" + run
	if len(name) > most {
		sum := sha256.Sum256([]byte(t.Table + "\x00" + run))
		name = stagingPrefix + hex.EncodeToString(sum[:16])
	}
	return destination.TableName{Schema: t.Schema, Table: name}
}

// stagingLabel is the comment of a staging table: what it is for.
type stagingLabel struct {
	// Table is the table that the rows are for, Token and Shape tell a later
	// run whether it can go on with them.
	Table string    `json:"sluice_stages_rows_of"`
	Token string    `json:"token,omitempty"`
	Shape string    `json:"shape"`
	Begun time.Time `json:"begun"`
}

// leftover is what an earlier run has staged for a table, and not committed.
type leftover struct {
	staging destination.TableName
	stagingLabel
	destination.Staged
}

// shape tells whether rows staged by one plan can be published by another: a
// hash of all that decides what the staging tables look like and hold.
func (p *plan) shape() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %v %q %q %q", p.spec.Mode, p.way == create, p.key, p.cursor, p.deleted)
	for _, c := range p.columns {
		_, _ = fmt.Fprintf(h, " %q %q %q", c.field, c.name, c.kind)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// leftovers gives what is staged in a schema, or in all for "", by anybody whose
// tables we may drop.
func leftovers(ctx context.Context, q querier, schema string) (list []leftover, err error) {
	err = each(ctx, q, selectStaging, []any{schema, stagingPrefix, behindStaging}, func(row pgx.Rows) error {
		var left leftover
		var text string
		if err := row.Scan(&left.staging.Schema, &left.staging.Table, &text); err != nil {
			return err
		}
		// The tables beside it have no label.
		if json.Unmarshal([]byte(text), &left.stagingLabel) == nil {
			left.Staged.Token = left.stagingLabel.Token
			list = append(list, left)
		}
		return nil
	})
	return list, err
}

// usable picks the leftover that a load of p can go on with; nil when there is
// none.
func usable(ctx context.Context, q querier, p *plan) (*leftover, error) {
	all, err := leftovers(ctx, q, p.spec.Table.Schema)
	if err != nil {
		return nil, err
	}
	var best *leftover
	for i := range all {
		left := &all[i]
		if left.Table != p.spec.Table.Table || left.Shape != p.shape() || left.stagingLabel.Token == "" || time.Since(left.Begun) > keptFor {
			continue
		}
		if err := left.readParts(ctx, q); err != nil {
			return nil, err
		}
		if len(left.Rows) > 0 && (best == nil || left.Begun.After(best.Begun)) {
			best = left
		}
	}
	if best == nil || p.cursor == "" {
		return best, nil
	}
	var newest *time.Time
	if err := q.QueryRow(ctx, newestRow(best.staging, p.cursor)).Scan(&newest); err != nil {
		return nil, err
	}
	if newest != nil {
		best.Newest = newest.UTC()
	}
	return best, nil
}

func (left *leftover) readParts(ctx context.Context, q querier) error {
	left.Rows = map[string]int64{}
	return each(ctx, q, selectParts(beside(left.staging, partsSuffix)), nil, func(row pgx.Rows) error {
		var part string
		var rows int64
		err := row.Scan(&part, &rows)
		left.Rows[part] = rows
		return err
	})
}

// takeOver makes the staging tables that the load writes to: those that an
// earlier run has left under the same token, or new ones. What else earlier
// runs have left for the table is dropped: nobody else has its lock.
func (l *load) takeOver(ctx context.Context, conn *pgx.Conn) error {
	all, err := leftovers(ctx, conn, l.spec.Table.Schema)
	if err != nil {
		return err
	}
	goesOn := false
	for _, left := range all {
		if left.Table != l.spec.Table.Table {
			continue
		}
		if l.resumed != nil && left.staging == l.resumed.staging {
			if err := left.readParts(ctx, conn); err != nil {
				return err
			}
			if goesOn = left.Shape == l.plan.shape() && maps.Equal(left.Rows, l.resumed.Rows); goesOn {
				continue
			}
		}
		l.d.log.Debug("dropping what an earlier run has staged", "table", left.staging.String())
		if err := dropStaging(ctx, conn, left.staging); err != nil {
			return err
		}
	}
	switch {
	case goesOn:
		l.staging = l.resumed.staging
		for _, rows := range l.resumed.Rows {
			l.rows += rows
		}
		return run(ctx, conn, dropIfThere(beside(l.staging, goneSuffix), beside(l.staging, keptSuffix)))
	case l.resumed != nil:
		return &destination.Error{
			Err:  errors.New("what was staged for the table is not there any more"),
			Mend: "run again, and let one run of a table end before the next begins",
			Busy: true,
		}
	}
	l.staging = stagingName(l.spec.Table, l.spec.Run)
	return l.makeStaging(ctx, conn)
}

// makeStaging makes the staging tables. Rows of a new table are logged from the
// start: they need not be copied again then.
func (l *load) makeStaging(ctx context.Context, conn *pgx.Conn) error {
	text, err := json.Marshal(stagingLabel{Table: l.spec.Table.Table, Token: l.token, Shape: l.plan.shape(), Begun: time.Now().UTC()})
	if err != nil {
		return err
	}
	logged := l.plan.way == create
	err = run(ctx, conn,
		createStaging(l.staging, l.plan.staged(), logged),
		comment(l.staging, string(text)),
		createParts(beside(l.staging, partsSuffix), logged))
	if err != nil || !logged {
		return err
	}
	// Rows of a logged table that is replicated, FOR ALL TABLES say, could not be
	// deleted else.
	var replicated bool
	if err := conn.QueryRow(ctx, selectReplicated, l.staging.Schema, l.staging.Table).Scan(&replicated); err != nil || !replicated {
		return err
	}
	return run(ctx, conn, identifyRows(l.staging))
}

// dropStaging drops a staging table and those beside it.
func dropStaging(ctx context.Context, conn *pgx.Conn, staging destination.TableName) error {
	return run(ctx, conn, dropBeside(staging), dropIfThere(staging))
}

// orphanTime is how often is looked for what runs have left long ago.
const orphanTime = time.Hour

// mayHaveOrphans says whether it is time to look for them.
func (d *Destination) mayHaveOrphans() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.looked) < orphanTime {
		return false
	}
	d.looked = time.Now()
	return true
}

// clearOrphans drops what runs of other tables have left long ago, in any
// schema: a table that is never loaded again has no next run. That it cannot is
// no reason to stop.
func (d *Destination) clearOrphans(ctx context.Context, t destination.TableName) {
	err := d.apart(ctx, begin+"; "+lockTimeout(minLockTime), func(conn *pgx.Conn) error {
		all, err := leftovers(ctx, conn, "")
		if err != nil {
			return err
		}
		for _, left := range all {
			of := destination.TableName{Schema: left.staging.Schema, Table: left.Table}
			if of == t || time.Since(left.Begun) < keptFor {
				continue
			}
			var free bool // a run that lives has the lock of its table
			if err := conn.QueryRow(ctx, tryLockName, lockKey(loadLock, of)).Scan(&free); err != nil {
				return err
			}
			if !free {
				continue
			}
			d.log.Debug("dropping what an earlier run has staged", "table", left.staging.String())
			if err := dropStaging(ctx, conn, left.staging); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.mu.Lock()
		d.looked = time.Time{} // the next load tries again
		d.mu.Unlock()
		d.log.Debug("what earlier runs have left stays", "cause", strings.TrimSpace(err.Error()))
	}
}
