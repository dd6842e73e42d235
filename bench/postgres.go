package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice/destination/postgres/pgtest"
)

// pgContender is a command that takes part in a round, after some SQL.
type pgContender struct {
	name   string
	args   []string
	before string
	best   usage
	server time.Duration // CPU time of the server's processes, at best
}

// postgres times loads by Bulk into PostgreSQL beside psql's \copy of the same
// rows from a file into the same server.
func (b *bench) postgres(ctx context.Context, rounds int) error {
	defer pgtest.Stop()
	address, drop, err := pgtest.Create() //nolint:contextcheck // the server outlives the call
	if err != nil {
		return err
	}
	defer func() { _ = drop() }()
	psql, err := pgtest.Psql()
	if err != nil {
		return err
	}
	sql := func(command string) []string {
		return []string{psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", command, address}
	}
	load := append([]string{b.program}, b.ingest("bulk", address)...)
	// The first run makes the table that \copy writes and reads.
	prepare := [][]string{load, sql("CREATE TABLE public.model (LIKE public.account)")}
	var all []*pgContender
	for _, format := range []string{"binary", "text"} {
		file := filepath.Join(b.dir, "account."+format)
		defer os.Remove(file)
		prepare = append(prepare, sql(fmt.Sprintf(`\copy public.account to '%s' (format %s)`, file, format)))
		all = append(all, &pgContender{
			name: `psql's \copy, ` + format, args: sql(fmt.Sprintf(`\copy public.copied from '%s' (format %s)`, file, format)),
			before: "DROP TABLE IF EXISTS public.copied; CREATE TABLE public.copied (LIKE public.model)",
		})
	}
	all = append(all,
		&pgContender{name: "sluice, a new table", args: load, before: "DROP TABLE IF EXISTS public.account"},
		&pgContender{name: "sluice, replace by the same", args: load, before: "DROP TABLE IF EXISTS public.copied"},
		&pgContender{name: "sluice, replace when all differ", args: load, before: "UPDATE public.account SET name = 'other'"})
	for _, args := range prepare {
		if _, err := b.spend(ctx, args[0], args[1:]...); err != nil {
			return err
		}
	}
	for range rounds {
		for _, c := range all {
			for _, s := range []string{c.before, "VACUUM", "CHECKPOINT"} {
				if _, err := b.spend(ctx, psql, sql(s)[1:]...); err != nil {
					return err
				}
			}
			if err := c.run(ctx, b); err != nil {
				return err
			}
		}
	}
	report(b.org.rows, rounds, all)
	return nil
}

func (c *pgContender) run(ctx context.Context, b *bench) error {
	before := pgtest.Spent()
	u, err := b.spend(ctx, c.args[0], c.args[1:]...)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	c.best = c.best.better(u)
	if served := pgtest.Spent() - before; c.server == 0 || served < c.server {
		c.server = served
	}
	return nil
}

// report compares with the first two of all, the copies.
func report(rows, rounds int, all []*pgContender) {
	fmt.Fprintf(os.Stdout, "\n%d accounts by bulk into PostgreSQL; best of %d\n", rows, rounds)
	fmt.Fprintf(os.Stdout, "  %-32s %8s %8s %8s %8s  %s\n", "", "wall s", "cpu s", "server s", "peak MB", `wall to \copy's, binary and text; cpu, server's included`)
	for i, c := range all {
		ratios := ""
		if i >= 2 {
			for _, of := range all[:2] {
				ratios += fmt.Sprintf("%.2f  ", c.best.Wall.Seconds()/of.best.Wall.Seconds())
			}
			for _, of := range all[:2] {
				ratios += fmt.Sprintf("  %.2f", (c.best.CPU+c.server).Seconds()/(of.best.CPU+of.server).Seconds())
			}
		}
		fmt.Fprintf(os.Stdout, "  %-32s %s %8.2f %8.0f  %s\n", c.name, c.best, c.server.Seconds(), c.best.PeakMB, ratios)
	}
}
