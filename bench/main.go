// Command bench measures whole runs of sluice against a made-up org that serves
// result pages from files, and beside them, in the same run and on the same
// bytes, what bounds them: an HTTP client that reads the pages to nowhere,
// DuckDB's own read_csv of the pages into a table, and psql's \copy of the same
// rows into a PostgreSQL server that is started for it.
//
//	go run ./bench bin/sluice
//
// Each figure is the best of SLUICE_BENCH_RUNS rounds, which take turns.
// SLUICE_BENCH_ROWS sets the numbers of accounts, separated by commas;
// SLUICE_BENCH_DEST adds a destination, such as postgresql://…;
// SLUICE_BENCH_ONLY=growth, postgres, distant, small or dozen leaves all but that
// out.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the whole program, or one of the yardsticks in a process of its own.
func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("name the program to measure: go run ./bench bin/sluice")
	}
	switch args[0] {
	case "spend":
		return spent(ctx, args[1:])
	case "fetch":
		return fetch(ctx, args[1:])
	case "read_csv":
		return readCSV(ctx, args[1:])
	}
	program, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	rounds, err := strconv.Atoi(cmp.Or(os.Getenv("SLUICE_BENCH_RUNS"), "3"))
	if err != nil || rounds < 1 {
		return errors.New("SLUICE_BENCH_RUNS is no number of rounds")
	}
	only := os.Getenv("SLUICE_BENCH_ONLY")
	for size := range strings.SplitSeq(cmp.Or(os.Getenv("SLUICE_BENCH_ROWS"), "20000,200000"), ",") {
		rows, err := strconv.Atoi(size)
		if err != nil || rows < 1000 {
			return errors.New("SLUICE_BENCH_ROWS is no list of numbers of at least 1000")
		}
		if only == "dozen" || only == "small" {
			break
		}
		err = with(ctx, program, map[string]int{"Account": rows}, func(b *bench) error { return b.measure(ctx, only, rounds) })
		if err != nil {
			return err
		}
	}
	if only == "" || only == "small" {
		err = with(ctx, program, map[string]int{"Account": smallRows}, func(b *bench) error { return b.small(ctx, rounds) })
		if err != nil {
			return err
		}
	}
	if only != "" && only != "dozen" {
		return nil
	}
	rows := map[string]int{}
	for _, table := range dozen {
		rows[table] = 5000
	}
	return with(ctx, program, rows, func(b *bench) error { return b.several(ctx) })
}

// with runs do against an org with such rows.
func with(ctx context.Context, program string, rows map[string]int, do func(*bench) error) error {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	org, err := startOrg(ctx, dir, rows)
	if err != nil {
		return err
	}
	defer org.stop()
	b := &bench{program: program, dir: dir, org: org}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	return do(b)
}

// measure times everything, or only one thing, for an org of many accounts.
func (b *bench) measure(ctx context.Context, only string, rounds int) error {
	switch only {
	case "growth":
		return b.growth(ctx, rounds)
	case "postgres":
		return b.postgres(ctx, rounds)
	case "distant":
		return b.distant(ctx)
	}
	for _, api := range []string{"bulk", "rest"} {
		if err := b.whole(ctx, api, rounds); err != nil {
			return err
		}
	}
	if err := b.postgres(ctx, rounds); err != nil {
		return err
	}
	return b.distant(ctx)
}
