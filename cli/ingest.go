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

	"sluice/destination"
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
	flags := slices.Concat(addressFlags(what), tableFlags(what), windowFlags(window), schemaFlags(window), columnFlags(which),
		sharedFlags(how), []cli.Flag{
			&cli.BoolFlag{Name: "plan", Category: how, Usage: "say what would be done, and do nothing"},
			&cli.BoolFlag{Name: "yes", Category: how, Usage: "ask nothing; sluice never asks, so scripts may say it"},
		}, outputFlags(output))
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

// addressFlags name the two ends.
func addressFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "source-uri", Category: category, Usage: "the org and how to log in: salesforce://?… `ADDRESS`"},
		&cli.StringFlag{Name: "dest-uri", Category: category, Usage: "duckdb:///crm.db, postgresql://…, heroku://app, or discard: `ADDRESS`"},
	}
}

// tableFlags name tables.
func tableFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "source-table", Category: category, Usage: "account, custom:My__c, a list, a pattern like *__c, or all `NAMES`"},
		&cli.StringFlag{Name: "dest-table", Category: category, Usage: "table or schema.table `NAME`", DefaultText: "public and the source's name"},
		&cli.StringFlag{Name: "dest-schema", Category: category, Usage: "schema of tables that keep the source's name `NAME`", DefaultText: "public"},
	}
}

// sharedFlags are those of a run, however many tables it loads.
func sharedFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "state-uri", Category: category, Usage: "the cursor, file:///abs/state.json `ADDRESS`", DefaultText: "with the rows"},
		&cli.IntFlag{Name: "extract-parallelism", Category: category, Usage: "parts asked for at once, 1 to 25 `N`", Value: pipeline.DefaultWorkers},
		&cli.StringFlag{Name: "api-budget", Category: category, Usage: "API calls: 80% of the org's day, or a number `LIMIT`", DefaultText: "no limit"},
		&cli.StringFlag{Name: "memory", Category: category, Usage: "of the process: 230MB or more, 1GB `SIZE`", DefaultText: "what the table needs"},
		&cli.DurationFlag{Name: "lock-timeout", Category: category, Usage: "wait for a database that another process holds `TIME`", Value: 30 * time.Second},
		&cli.StringFlag{Name: "nul", Category: category, Usage: "NULs in texts, for PostgreSQL: error, strip `CHOICE`", Value: "error"},
		&cli.DurationFlag{Name: "timeout", Category: category, Usage: "end the run after that long, like 2h; exit 75 `TIME`", DefaultText: "never"},
		&cli.BoolFlag{Name: "fail-fast", Category: category, Usage: "of several tables, stop all when one fails"},
	}
}

// quietFlag leaves out what nobody has to act on.
func quietFlag(category, usage string) cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: category, Usage: usage}
}

func outputFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Category: category, Usage: "the result as one JSON object on stdout"},
		&cli.StringFlag{Name: "progress", Category: category, Usage: "auto, interactive, log or none, on stderr `KIND`", Value: "auto"},
		quietFlag(category, "warnings and errors alone, on stderr"),
		&cli.BoolFlag{Name: "debug", Category: category, Usage: "every request and step on stderr, no secrets"},
		&cli.StringFlag{Name: "report", Category: category, Usage: "what the run did, as one HTML page `FILE`"},
		&cli.StringFlag{Name: "metrics-file", Category: category, Usage: "what the run did, for Prometheus' node exporter `FILE`"},
		&cli.StringFlag{Name: "openlineage", Category: category, Usage: "add what comes from where, as OpenLineage events `FILE`"},
	}
}

// request is a checked command line of ingest or run.
type request struct {
	jobs        []pipeline.Job // at least one
	progress    display
	log         *slog.Logger
	destination destination.Destination
	lineage     *lineage // nil for none
	// closeStates ends the use of the store of states.
	closeStates func() error
}

func (r request) close() error { return errors.Join(r.destination.Close(), r.closeStates()) }

func (p *program) ingest(c *cli.Context) error { return p.load(c.Context, c, p.parseIngest) }

// load does what flags ask for, which parse reads.
func (p *program) load(ctx context.Context, c *cli.Context, parse func(*cli.Context) (request, error)) error {
	ctx, cancel := within(ctx, c.Duration("timeout"))
	defer cancel()
	c.Context = ctx // which a pattern of tables asks the org by
	p.json = c.Bool("json")
	out, err := p.openOutputs(c)
	if err != nil {
		return err
	}
	begun := outcome{command: c.Command.Name, from: shownSource(c.String("source-uri")), to: shownDestination(c.String("dest-uri")), started: time.Now()}
	r, err := parse(c)
	if err != nil {
		begun.err, begun.ended = nameInterrupt(ctx, err), time.Now()
		return errors.Join(begun.err, p.write(out, begun))
	}
	if c.Bool("plan") {
		return p.plan(ctx, r)
	}
	r.lineage = out.lineage
	for i := range r.jobs {
		r.jobs[i].ByMonth = out.report != ""
	}
	o := begun
	o.jobs = r.jobs
	o.reports, o.failures, o.err = p.loadAll(ctx, r, c.Bool("fail-fast"))
	if closing := r.close(); o.err == nil {
		o.err = closing
	}
	o.ended = time.Now()
	// The rows are there, whatever becomes of the files.
	if err := p.write(out, o); err != nil {
		o.reports[0].Warnings = append(o.reports[0].Warnings, err.Error())
	}
	return p.tellOutcome(o)
}

// outcome is what became of a run: a report and an error or nil for each job.
type outcome struct {
	command, from, to string // the ends as they may be shown
	started, ended    time.Time

	jobs     []pipeline.Job // none when the run did not get as far
	reports  []pipeline.Report
	failures []error
	err      error // of the run as a whole
}

func (o outcome) took() time.Duration { return o.ended.Sub(o.started) }

// loadAll loads the tables while the display shows how far they are.
func (p *program) loadAll(ctx context.Context, r request, failFast bool) ([]pipeline.Report, []error, error) {
	if len(r.jobs) > 1 {
		return p.loadMany(ctx, r, failFast)
	}
	stop := r.progress.start(ctx, shownOf(r.jobs))
	report, err := r.lineage.run(ctx, r.jobs[0])
	stop()
	err = nameInterrupt(ctx, err)
	return []pipeline.Report{report}, []error{err}, err
}

// tellOutcome prints the result and gives the error that the run ends with.
func (p *program) tellOutcome(o outcome) error {
	if p.json {
		return cmp.Or(o.err, p.printJSON(o.reports, o.failures, o.err))
	}
	if err := p.printOutcome(o); err != nil {
		return err
	}
	if len(o.reports) > 1 {
		p.tellFailures(o)
	}
	return o.err
}

// printOutcome prints what became of the tables: one in detail, several as a
// table for a person and in detail for a log. Warnings are part of it, but for
// those of a table that was not loaded.
func (p *program) printOutcome(o outcome) error {
	several := len(o.reports) > 1
	if terminal := p.terminal(p.Stdout); terminal != nil && several && !p.quiet {
		return printResults(p.Stdout, o, widthOf(terminal), p.paint())
	}
	var untold []pipeline.Report
	for i, report := range o.reports {
		if p.quiet || o.failures[i] != nil {
			untold = append(untold, report)
		} else if err := printSummary(p.Stdout, report); err != nil {
			return err
		}
	}
	for _, n := range warnings(untold) {
		if !several {
			n.About = ""
		}
		p.tell("warning", n.String())
	}
	if several {
		return p.remark("%s", totalLine(o))
	}
	return nil
}

// tellFailures tells why tables were not loaded.
func (p *program) tellFailures(o outcome) {
	for _, c := range causes(o) {
		p.tell("error", strings.Join(c.tables, ", ")+": "+c.text)
		if c.hint != "" {
			p.tell("hint", c.hint)
		}
	}
}

// cause is why tables were not loaded.
type cause struct {
	text, hint string
	tables     []string
}

// causes lists the failures, what several tables have in common once.
func causes(o outcome) (list []cause) {
	for i, failure := range o.failures {
		if failure == nil {
			continue
		}
		text, mend, table := failure.Error(), hint(failure), o.reports[i].SourceTable
		at := slices.IndexFunc(list, func(c cause) bool { return c.text == text && c.hint == mend })
		if at < 0 {
			list, at = append(list, cause{text: text, hint: mend}), len(list)
		}
		list[at].tables = append(list[at].tables, table)
	}
	return list
}

// parseIngest checks everything that can be checked before the org is called.
func (p *program) parseIngest(c *cli.Context) (request, error) {
	if err := required(c, "source-uri", "source-table", "dest-uri"); err != nil {
		return request{}, err
	}
	r, s, err := p.newRequest(c)
	if err != nil {
		return r, err
	}
	job, err := p.newJob(c, r.log)
	if err != nil {
		return r, err
	}
	err = p.connect(c, s, &r, []tableJob{{c, job}})
	return r, err
}

// newRequest checks the flags that all tables share.
func (p *program) newRequest(c *cli.Context) (r request, s settings, err error) {
	parallelism := c.Int("extract-parallelism")
	if parallelism < 1 || parallelism > maxParallelism {
		return r, s, &usageError{fmt.Sprintf("--extract-parallelism %d is out of range", parallelism), fmt.Sprintf("use 1 to %d", maxParallelism)}
	}
	if wait := c.Duration("lock-timeout"); wait <= 0 {
		return r, s, &usageError{fmt.Sprintf("--lock-timeout %s is out of range", wait), "use 1s or more"}
	}
	if nul := c.String("nul"); nul != "error" && nul != "strip" {
		return r, s, unknownValue("nul", nul, nulChoices)
	}
	if limit := c.Duration("timeout"); limit < 0 {
		return r, s, &usageError{fmt.Sprintf("--timeout %s is out of range", limit), "use 1s or more, or leave it out"}
	}
	progress, err := p.newDisplay(c.String("progress"), c.Bool("debug"))
	if err != nil {
		return r, s, err
	}
	r = request{progress: progress, log: p.logger(progress.logTo(p.Stderr), c.Bool("debug"))}
	s = settings{catalog: p.catalog, log: r.log, userAgent: "sluice/" + p.version(), lockTimeout: c.Duration("lock-timeout"), nulStrip: c.String("nul") == "strip", sleep: p.Sleep, silence: p.Silence}
	if s.memory, err = parseMemory(c.String("memory")); err != nil {
		return r, s, err
	}
	shareHeap(s.memory)
	s.budget, err = parseBudget(c.String("api-budget"))
	return r, s, err
}

// newJob checks the flags of a table. The job has no ends yet, and
// --source-table may name more than one.
func (p *program) newJob(c *cli.Context, log *slog.Logger) (pipeline.Job, error) {
	job := pipeline.Job{Workers: c.Int("extract-parallelism"), Log: log, Sleep: p.Sleep}
	for _, read := range []func(*cli.Context, *pipeline.Job) error{readWindow, readSchema, p.readColumns} {
		if err := read(c, &job); err != nil {
			return job, err
		}
	}
	return job, nil
}

// connect checks the addresses, asks the org which tables are meant where that
// takes asking, and gives the jobs their ends.
func (p *program) connect(c *cli.Context, s settings, r *request, wanted []tableJob) error {
	openSource, err := opener("source-uri", c.String("source-uri"), sources)
	if err != nil {
		return err
	}
	openDestination, err := opener("dest-uri", c.String("dest-uri"), destinations)
	if err != nil {
		return err
	}
	open, err := openSource(c.String("source-uri"), s)
	if err != nil {
		return fmt.Errorf("--source-uri: %w", err)
	}
	if r.jobs, err = p.jobsOf(c.Context, open, wanted); err != nil {
		return err
	}
	states, closeStates, err := openStates(c, s)
	if err != nil {
		return err
	}
	r.closeStates = closeStates
	if r.destination, err = openDestination(c.String("dest-uri"), s); err != nil {
		return errors.Join(fmt.Errorf("--dest-uri: %w", err), closeStates())
	}
	turns := pipeline.NewTurns()
	for i := range r.jobs {
		j := &r.jobs[i]
		j.Open, j.States, j.Destination = open, states, r.destination
		if strings.HasPrefix(c.String("dest-uri"), "duckdb:") {
			j.Turns = turns // its memory is that of one load
		}
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
