package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// bench is one org and what is measured against it.
type bench struct {
	program, self string
	dir           string
	org           *org
}

// contender is a command that takes part in a round.
type contender struct {
	name  string
	args  []string
	clean string // a file to remove before each run
	best  usage
}

// whole times loads by one API, without any latency but the machine's.
func (b *bench) whole(ctx context.Context, api string, rounds int) error {
	file, copied := filepath.Join(b.dir, api+".duckdb"), filepath.Join(b.dir, "copy.duckdb")
	// The first run fills the cache of pages; its table tells read_csv the types.
	if _, err := b.spend(ctx, b.program, b.ingest(api, "duckdb:///"+file)...); err != nil {
		return err
	}
	pages, bytes := b.org.cached(api)
	all := []*contender{
		{name: "an HTTP client, to nowhere", args: []string{b.self, "fetch", b.org.address, api, strconv.Itoa(pages)}},
		{name: "sluice, to discard:", args: append([]string{b.program}, b.ingest(api, "discard:")...)},
	}
	if api == "bulk" {
		all = append(all, &contender{name: "DuckDB's read_csv, from disk", args: []string{b.self, "read_csv", file, b.dir, copied}, clean: copied})
	}
	load := append([]string{b.program}, b.ingest(api, "duckdb:///"+copied)...)
	all = append(all,
		&contender{name: "sluice, to DuckDB", args: load, clean: copied},
		&contender{name: "sluice, to DuckDB, 400MB", args: append(load[:len(load):len(load)], "--memory", "400MB"), clean: copied})
	if address := os.Getenv("SLUICE_BENCH_DEST"); address != "" {
		all = append(all, &contender{name: "sluice, to SLUICE_BENCH_DEST", args: append([]string{b.program}, b.ingest(api, address)...)})
	}
	for range rounds {
		for _, c := range all {
			if c.clean != "" {
				_ = os.Remove(c.clean)
			}
			u, err := b.spend(ctx, c.args[0], c.args[1:]...)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.best = c.best.better(u)
		}
	}
	fmt.Fprintf(os.Stdout, "\n%d accounts by %s: %d pages, %.0f MB; best of %d\n", b.org.rows, api, pages, float64(bytes)/1e6, rounds)
	fmt.Fprintf(os.Stdout, "  %-30s %8s %8s %8s %8s  %s\n", "", "wall s", "cpu s", "MB/s", "peak MB", "wall to the client's; wall and cpu to read_csv's")
	for i, c := range all {
		ratio := fmt.Sprintf("%.2f", c.best.Wall.Seconds()/all[0].best.Wall.Seconds())
		if api == "bulk" && i > 2 {
			of := all[2].best
			ratio += fmt.Sprintf("  %.2f  %.2f", c.best.Wall.Seconds()/of.Wall.Seconds(), c.best.CPU.Seconds()/of.CPU.Seconds())
		}
		fmt.Fprintf(os.Stdout, "  %-30s %s %8.0f %8.0f  %s\n", c.name, c.best, float64(bytes)/1e6/c.best.Wall.Seconds(), c.best.PeakMB, ratio)
	}
	return os.Remove(file)
}

// growth times the load into DuckDB alone. Run for several sizes, it shows what
// more rows take.
func (b *bench) growth(ctx context.Context, rounds int) error {
	file := filepath.Join(b.dir, "growth.duckdb")
	// The first run, which fills the cache of pages.
	if _, err := b.spend(ctx, b.program, b.ingest("bulk", "discard:")...); err != nil {
		return err
	}
	var best usage
	for range rounds {
		_ = os.Remove(file)
		u, err := b.spend(ctx, b.program, b.ingest("bulk", "duckdb:///"+file)...)
		if err != nil {
			return err
		}
		best = best.better(u)
	}
	pages, bytes := b.org.cached("bulk")
	fmt.Fprintf(os.Stdout, "%10d accounts by bulk to DuckDB: %3d pages, %5.0f MB; %s s wall, s cpu, %4.0f MB peak, %.0f rows/s\n",
		b.org.rows, pages, float64(bytes)/1e6, best, best.PeakMB, float64(b.org.rows)/best.Wall.Seconds())
	return os.Remove(file)
}

func (b *bench) ingest(api, dest string) []string { return b.load(api, dest, "account") }

func (b *bench) load(api, dest, tables string) []string {
	return []string{
		"ingest", "--source-uri", b.org.uri + "&api=" + api, "--source-table", tables, "--dest-uri", dest,
		"--incremental-strategy", "replace", "--progress", "none", "--no-load-timestamp",
	}
}

// dozen are the tables of several.
var dozen = []string{
	"Account", "Contact", "Lead", "Opportunity", "OpportunityContactRole", "OpportunityLineItem",
	"Campaign", "CampaignMember", "Task", "Event", "Product2", "User",
}

// several times the load of a dozen tables with the latencies of a real org,
// beside that of one.
func (b *bench) several(ctx context.Context) error {
	// The first run, which fills the cache of pages.
	if _, err := b.spend(ctx, b.program, b.load("bulk", "discard:", strings.Join(dozen, ","))...); err != nil {
		return err
	}
	b.org.delay.Store(&latency{request: requestDelay, page: pageDelay, job: jobDelay})
	fmt.Fprintf(os.Stdout, "\n%d tables of 5,000 rows by bulk from far away, and the first alone:\n", len(dozen))
	file := filepath.Join(b.dir, "dozen.duckdb")
	for _, dest := range []string{"discard:", "duckdb:///" + file} {
		var took []usage
		for _, tables := range [][]string{dozen, dozen[:1]} {
			_ = os.Remove(file)
			u, err := b.spend(ctx, b.program, b.load("bulk", dest, strings.Join(tables, ","))...)
			if err != nil {
				return err
			}
			took = append(took, u)
		}
		all, one := took[0].Wall.Seconds(), took[1].Wall.Seconds()
		fmt.Fprintf(os.Stdout, "  to %-9s %.1f s and %.1f s: %.2f; %.0f MB peak and %.0f\n",
			strings.Split(dest, ":")[0]+":", all, one, all/one, took[0].PeakMB, took[1].PeakMB)
	}
	return nil
}

// distant times one load with the latencies of a real org, beside what they
// alone come to: the job, a chain of requests around it, and as many pages one
// after the other as sluice does not ask for at once. Beside that, what they come
// to when the bytes have to come, too: the pages are read by an HTTP client, as
// many at once, to nowhere.
func (b *bench) distant(ctx context.Context) error {
	if _, err := b.spend(ctx, b.program, b.ingest("bulk", "discard:")...); err != nil {
		return err
	}
	b.org.delay.Store(&latency{request: requestDelay, page: pageDelay, job: jobDelay})
	defer b.org.delay.Store(&latency{})
	b.org.requests.Store(0)
	u, err := b.spend(ctx, b.program, b.ingest("bulk", "discard:")...)
	if err != nil {
		return err
	}
	pages, _ := b.org.cached("bulk")
	calls := b.org.requests.Load()
	chain := jobDelay.Seconds() + float64(calls)*requestDelay.Seconds()
	imposed := chain + float64((pages+atOnce-1)/atOnce)*pageDelay.Seconds()
	client, err := b.spend(ctx, b.self, "fetch", b.org.address, "bulk", strconv.Itoa(pages))
	if err != nil {
		return err
	}
	withBytes := chain + client.Wall.Seconds()
	fmt.Fprintf(os.Stdout, "\n%d accounts by bulk from far away, to discard:\n", b.org.rows)
	fmt.Fprintf(os.Stdout, "  %.1f s; the job's %v, %d pages of %v by %d and %d requests of %v come to %.1f s: %.2f\n",
		u.Wall.Seconds(), jobDelay, pages, pageDelay, atOnce, calls, requestDelay, imposed, u.Wall.Seconds()/imposed)
	fmt.Fprintf(os.Stdout, "  with the pages read by an HTTP client to nowhere, %.1f s: %.2f\n", withBytes, u.Wall.Seconds()/withBytes)
	return nil
}

// small times the second load of a table of 50 rows in which nothing has changed,
// beside the time that the org has taken for its calls.
func (b *bench) small(ctx context.Context, rounds int) error {
	file := filepath.Join(b.dir, "small.duckdb")
	load := []string{"ingest", "--source-uri", b.org.uri, "--source-table", "account", "--dest-uri", "duckdb:///" + file, "--progress", "none"}
	var best usage
	var calls int64
	var held time.Duration
	for n := range rounds + 2 { // the first makes the table, the second fills the cache of pages
		b.org.calls.Store(0)
		b.org.held.Store(0)
		u, err := b.spend(ctx, b.program, load...)
		if err != nil {
			return err
		}
		if n < 2 {
			b.org.delay.Store(&latency{request: requestDelay, page: requestDelay})
			continue
		}
		if best == (usage{}) || u.Wall < best.Wall {
			calls, held = b.org.calls.Load(), time.Duration(b.org.held.Load())
		}
		best = best.better(u)
	}
	fmt.Fprintf(os.Stdout, "\n%d accounts again, nothing changed, from far away, to DuckDB: best of %d\n", b.org.rows, rounds)
	fmt.Fprintf(os.Stdout, "  %.0f ms; %d calls of %v take the org %.0f ms: %.2f\n",
		float64(best.Wall.Microseconds())/1e3, calls, requestDelay, float64(held.Microseconds())/1e3, best.Wall.Seconds()/held.Seconds())
	return nil
}
