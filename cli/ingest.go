package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sluice/pipeline"
)

// maxParallelism is more parts than any org answers at once: Salesforce runs
// 25 long requests of an org at a time.
const maxParallelism = 25

var strategies = []string{"replace", "append", "merge", "delete+insert"}

func (p *program) ingestCommand() *cli.Command {
	const (
		what   = "What to copy"
		window = "How much is read, and what becomes of the old rows"
		which  = "Which rows and fields, and how they are changed on their way"
		how    = "How to copy"
		output = "Output"
	)
	flags := slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "source-uri", Category: what, Usage: "the org and how to log in: salesforce://?… `ADDRESS`"},
		&cli.StringFlag{Name: "source-table", Category: what, Usage: "account, custom:My__c, a list, a pattern like *__c, or all `NAMES`"},
		&cli.StringFlag{Name: "dest-uri", Category: what, Usage: "duckdb:///crm.db, postgresql://…, heroku://app, or discard: `ADDRESS`"},
		&cli.StringFlag{Name: "dest-table", Category: what, Usage: "table or schema.table `NAME`", DefaultText: "public and the source's name"},
		&cli.StringFlag{Name: "dest-schema", Category: what, Usage: "schema of tables that keep the source's name `NAME`", DefaultText: "public"},
	}, windowFlags(window), schemaFlags(window), columnFlags(which), []cli.Flag{
		&cli.StringFlag{Name: "state-uri", Category: how, Usage: "the cursor, file:///abs/state.json `ADDRESS`", DefaultText: "with the rows"},
		&cli.IntFlag{Name: "extract-parallelism", Category: how, Usage: "parts read at once, 1 to 25 `N`", Value: 3},
		&cli.StringFlag{Name: "api-budget", Category: how, Usage: "API calls: 80% of the org's day, or a number `LIMIT`", DefaultText: "no limit"},
		&cli.StringFlag{Name: "memory", Category: how, Usage: "of the process: 300MB or more, 1GB `SIZE`", DefaultText: "what the table needs"},
		&cli.DurationFlag{Name: "lock-timeout", Category: how, Usage: "wait for a database that another process holds `TIME`", Value: 30 * time.Second},
		&cli.StringFlag{Name: "nul", Category: how, Usage: "NULs in texts, for PostgreSQL: error, strip `CHOICE`", Value: "error"},
		&cli.DurationFlag{Name: "timeout", Category: how, Usage: "end the run after that long, exit 75 `TIME`", DefaultText: "never"},
		&cli.BoolFlag{Name: "plan", Category: how, Usage: "say what would be done, and do nothing"},
		&cli.BoolFlag{Name: "fail-fast", Category: how, Usage: "of several tables, stop all when one fails"},
		&cli.BoolFlag{Name: "yes", Category: how, Usage: "ask nothing; sluice never asks, so scripts may say it"},
		&cli.BoolFlag{Name: "json", Category: output, Usage: "the result as one JSON object on stdout"},
		&cli.StringFlag{Name: "progress", Category: output, Usage: "auto, interactive, log or none, on stderr `KIND`", Value: "auto"},
		&cli.BoolFlag{Name: "debug", Category: output, Usage: "every request and step on stderr, no secrets"},
	})
	return &cli.Command{
		Name:      "ingest",
		Usage:     "Copy a table from a Salesforce org into a database.",
		ArgsUsage: " --source-uri ADDRESS --source-table NAME --dest-uri ADDRESS [flags]",
		Description: environmentHelp(flags) + `
EXAMPLES
  With client credentials of an external client app, into a file in this folder:
    sluice ingest --source-uri 'salesforce://?client_id=ID&client_secret=SECRET&domain=acme.my' \
      --source-table account --dest-uri duckdb:///crm.db

  With user name, password and security token, a custom object, for a program:
    export SLUICE_SOURCE_URI='salesforce://?username=ann%40acme.com&password=PW&token=TOKEN'
    sluice ingest --source-table custom:Invoice__c --dest-uri duckdb:////var/data/crm.db \
      --dest-table billing.invoice --json

` + exitStatus,
		Flags:  flags,
		Action: p.ingest,
	}
}

// request is a checked command line of ingest.
type request struct {
	job      pipeline.Job
	jobs     []pipeline.Job // of several tables; else empty
	progress display
	log      *slog.Logger
	// closeStates ends the use of the store of states.
	closeStates func() error
}

func (r request) close() error { return errors.Join(r.job.Destination.Close(), r.closeStates()) }

func (p *program) ingest(c *cli.Context) error {
	ctx, cancel := within(c.Context, c.Duration("timeout"))
	defer cancel()
	c.Context = ctx // which a pattern of tables asks the org by
	r, err := p.parseIngest(c)
	if err != nil {
		return nameInterrupt(ctx, err)
	}
	if c.Bool("plan") {
		return p.plan(ctx, r)
	}
	if len(r.jobs) > 1 {
		return p.ingestMany(ctx, r, c.Bool("fail-fast"))
	}
	report, err := p.run(ctx, r)
	if closing := r.close(); err == nil {
		err = closing
	}
	if p.json {
		return cmp.Or(err, p.printJSON([]pipeline.Report{report}, nil, err))
	}
	if err != nil {
		for _, w := range report.Warnings {
			p.tell("warning", w)
		}
		return err
	}
	return printSummary(p.Stdout, report)
}

// ingestMany loads several tables and tells of each.
func (p *program) ingestMany(ctx context.Context, r request, failFast bool) error {
	reports, failures, err := p.loadMany(ctx, r, failFast)
	if closing := r.close(); err == nil {
		err = closing
	}
	if p.json {
		return cmp.Or(err, p.printJSON(reports, failures, err))
	}
	for i, report := range reports {
		if failures[i] != nil {
			p.tell("error", report.SourceTable+": "+failures[i].Error())
			if h := hint(failures[i]); h != "" {
				p.tell("hint", h)
			}
			continue
		}
		if err := printSummary(p.Stdout, report); err != nil {
			return err
		}
	}
	return err
}

// run copies the table while the display shows how far it is.
func (p *program) run(ctx context.Context, r request) (pipeline.Report, error) {
	stop := r.progress.start(ctx, r.job.SourceTable, r.job.Progress)
	report, err := pipeline.Run(ctx, r.job)
	stop()
	return report, nameInterrupt(ctx, err)
}

// parseIngest checks everything that can be checked before the org is called.
func (p *program) parseIngest(c *cli.Context) (request, error) {
	if err := required(c, "source-uri", "source-table", "dest-uri"); err != nil {
		return request{}, err
	}
	parallelism := c.Int("extract-parallelism")
	if parallelism < 1 || parallelism > maxParallelism {
		return request{}, &usageError{fmt.Sprintf("--extract-parallelism %d is out of range", parallelism), fmt.Sprintf("use 1 to %d", maxParallelism)}
	}
	if wait := c.Duration("lock-timeout"); wait <= 0 {
		return request{}, &usageError{fmt.Sprintf("--lock-timeout %s is out of range", wait), "use 1s or more"}
	}
	if nul := c.String("nul"); nul != "error" && nul != "strip" {
		return request{}, &usageError{fmt.Sprintf("--nul %q is unknown", nul), "use error or strip"}
	}
	if limit := c.Duration("timeout"); limit < 0 {
		return request{}, &usageError{fmt.Sprintf("--timeout %s is out of range", limit), "use 1s or more, or leave it out"}
	}
	p.json = c.Bool("json")
	progress, err := p.newDisplay(c.String("progress"), c.Bool("debug"))
	if err != nil {
		return request{}, err
	}
	log := p.logger(progress.logTo(p.Stderr), c.Bool("debug"))
	r := request{progress: progress, log: log}
	return r, p.newJob(c, &r)
}

func (p *program) newJob(c *cli.Context, r *request) (err error) {
	s := settings{catalog: p.catalog, log: r.log, userAgent: "sluice/" + p.version(), lockTimeout: c.Duration("lock-timeout"), nulStrip: c.String("nul") == "strip", sleep: p.Sleep, silence: p.Silence}
	if s.memory, err = parseMemory(c.String("memory")); err != nil {
		return err
	}
	shareHeap(s.memory)
	if s.budget, err = parseBudget(c.String("api-budget")); err != nil {
		return err
	}
	job := &r.job
	*job = pipeline.Job{
		SourceTable: c.String("source-table"),
		Workers:     c.Int("extract-parallelism"),
		Log:         r.log,
		Progress:    new(pipeline.Progress),
		Sleep:       p.Sleep,
	}
	if err := readWindow(c, job); err != nil {
		return err
	}
	if err := readSchema(c, job); err != nil {
		return err
	}
	if err := p.readColumns(c, job); err != nil {
		return err
	}
	openSource, err := opener("source-uri", c.String("source-uri"), sources)
	if err != nil {
		return err
	}
	openDestination, err := opener("dest-uri", c.String("dest-uri"), destinations)
	if err != nil {
		return err
	}
	if job.Open, err = openSource(c.String("source-uri"), s); err != nil {
		return fmt.Errorf("--source-uri: %w", err)
	}
	names := []string{job.SourceTable}
	if manyTables(job.SourceTable) {
		if names, err = tableNames(c, job.Open); err != nil {
			return err
		}
	}
	if len(names) > 1 {
		r.jobs, err = p.jobsOf(c, *job, names)
	} else {
		job.SourceTable = names[0]
		job.Table, err = p.destTable(c, names[0])
	}
	if err != nil {
		return fmt.Errorf("--dest-table: %w", err)
	}
	if job.States, r.closeStates, err = openStates(c, s); err != nil {
		return err
	}
	if job.Destination, err = openDestination(c.String("dest-uri"), s); err != nil {
		return errors.Join(fmt.Errorf("--dest-uri: %w", err), r.closeStates())
	}
	for i := range r.jobs {
		r.jobs[i].Open, r.jobs[i].States, r.jobs[i].Destination = job.Open, job.States, job.Destination
	}
	return nil
}

// required says which of the flags are missing. The library would print the
// whole help instead.
func required(c *cli.Context, flags ...string) error {
	var missing []string
	for _, f := range flags {
		if c.String(f) == "" {
			missing = append(missing, "--"+f)
		}
	}
	if missing == nil {
		return nil
	}
	verb := " is missing"
	if len(missing) > 1 {
		verb = " are missing"
	}
	return &usageError{
		strings.Join(missing, ", ") + verb,
		"for example: sluice ingest --source-uri 'salesforce://?access_token=TOKEN&domain=acme.my' --source-table account --dest-uri duckdb:///crm.db",
	}
}

// logger writes every step to w on --debug, and nothing otherwise: what a user
// must know is in the result.
func (p *program) logger(w io.Writer, debug bool) *slog.Logger {
	if !debug {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
