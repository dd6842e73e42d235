package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"sluice/destination"
	"sluice/pipeline"
	"sluice/source"
	"sluice/source/salesforce"
)

// maxTables is how many tables are loaded at once: with the parts of each they
// keep within the 25 long requests that an org runs at a time.
const maxTables = 8

// manyTables says whether --source-table may name more than one table.
func manyTables(text string) bool { return text == "all" || strings.ContainsAny(text, ",*?") }

// tableNames gives the tables that --source-table names, in its order. Patterns
// and "all" ask the org.
func tableNames(c *cli.Context, open source.Opener) ([]string, error) {
	var names []string
	var list []salesforce.Listed
	seen := map[string]bool{}
	add := func(name string) {
		if key := strings.ToLower(name); !seen[key] {
			seen[key] = true
			names = append(names, name)
		}
	}
	for name := range strings.SplitSeq(c.String("source-table"), ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, &usageError{"--source-table holds an empty name", "write names with commas between them: account,contact"}
		}
		if !manyTables(name) {
			add(name)
			continue
		}
		if list == nil {
			var err error
			if list, err = listed(c.Context, open); err != nil {
				return nil, err
			}
		}
		matches := matching(name, list)
		if len(matches) == 0 {
			return nil, &usageError{fmt.Sprintf("the org has no object like %s that can be loaded", name), "sluice objects --all lists all, and why some cannot be loaded"}
		}
		for _, m := range matches {
			add(m)
		}
	}
	return names, nil
}

// listed asks the org for its objects.
func listed(ctx context.Context, open source.Opener) ([]salesforce.Listed, error) {
	src, err := open(ctx)
	if err != nil {
		return nil, err
	}
	list, err := src.(interface {
		Objects(ctx context.Context) ([]salesforce.Listed, error)
	}).Objects(ctx)
	return list, errors.Join(err, src.Close())
}

// matching gives the objects of a list that can be loaded and fit a pattern.
func matching(pattern string, list []salesforce.Listed) (names []string) {
	pattern = strings.ToLower(strings.TrimPrefix(pattern, "custom:"))
	if pattern == "all" {
		pattern = "*"
	}
	for _, o := range list {
		ok, _ := path.Match(pattern, strings.ToLower(o.Name)) // a bad pattern fits nothing
		if ok && o.Skip == "" {
			names = append(names, o.Name)
		}
	}
	return names
}

// jobsOf gives a job for each table, like the one that the command line
// describes.
func (p *program) jobsOf(c *cli.Context, like pipeline.Job, names []string) ([]pipeline.Job, error) {
	if c.String("dest-table") != "" {
		return nil, &usageError{"--dest-table names one table, --source-table several", "leave it out; --dest-schema says where the tables go"}
	}
	turn := make(chan struct{}, 1)
	var jobs []pipeline.Job
	for _, name := range names {
		j := like
		j.SourceTable, j.Progress = name, new(pipeline.Progress)
		if strings.HasPrefix(c.String("dest-uri"), "duckdb:") {
			j.Turn = turn // its memory is that of one load
		}
		var err error
		if j.Table, err = p.destTable(c, name); err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// someError is what became of a run of several tables of which some failed.
type someError struct {
	failed []string
	tables int
	code   int
	first  error
}

func (e *someError) Error() string {
	return fmt.Sprintf("%d of %s not loaded: %s", len(e.failed), plural(int64(e.tables), "table"), strings.Join(e.failed, ", "))
}

// Hint says what the others are.
func (e *someError) Hint() string {
	if e.code == exitSome {
		return "the other tables are loaded; run again for those that are not, as the next run of all does anyway"
	}
	return "no table was loaded"
}

// loadMany loads tables side by side. One that fails does not stop the others,
// unless the user wants it.
func (p *program) loadMany(ctx context.Context, r request, failFast bool) ([]pipeline.Report, []error, error) {
	reports, failures := make([]pipeline.Report, len(r.jobs)), make([]error, len(r.jobs))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group errgroup.Group
	group.SetLimit(maxTables)
	var done atomic.Int64
	stop := r.progress.startMany(ctx, r.jobs, &done)
	var mu sync.Mutex
	for i, job := range r.jobs {
		group.Go(func() error {
			defer done.Add(1)
			var err error
			if err = context.Cause(ctx); err == nil {
				reports[i], err = pipeline.Run(ctx, job)
			}
			mu.Lock()
			defer mu.Unlock()
			if reports[i].SourceTable == "" {
				reports[i].SourceTable = job.SourceTable
			}
			failures[i] = nameInterrupt(ctx, err)
			if err != nil && failFast {
				cancel(errStopped)
			}
			return nil
		})
	}
	_ = group.Wait() // failures has what went wrong
	stop()
	return reports, failures, summed(r.jobs, failures)
}

var errStopped = errors.New("stopped, as another table failed (--fail-fast)")

// summed is the error of a run of several tables; nil when all were loaded.
func summed(jobs []pipeline.Job, failures []error) error {
	e := &someError{tables: len(jobs)}
	for i, err := range failures {
		if err == nil {
			continue
		}
		if errors.Is(err, errInterrupted) {
			return errInterrupted
		}
		e.failed = append(e.failed, jobs[i].SourceTable)
		if e.first == nil || errors.Is(e.first, errStopped) {
			e.first = err
		}
	}
	switch len(e.failed) {
	case 0:
		return nil
	case len(jobs):
		e.code = exitCode(e.first)
	default:
		e.code = exitSome
	}
	return e
}

// startMany shows how far several tables are, until the func it returns is
// called.
func (d display) startMany(ctx context.Context, jobs []pipeline.Job, done *atomic.Int64) (stop func()) {
	if d.every == 0 {
		return func() {}
	}
	ended := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() {
		tick := time.NewTicker(d.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				d.print(manyLine(jobs, done.Load()))
			case <-ctx.Done():
				d.clear()
				<-ended
				return
			case <-ended:
				d.clear()
				return
			}
		}
	})
	return func() {
		close(ended)
		shown.Wait()
	}
}

// manyLine tells of all tables in one line.
func manyLine(jobs []pipeline.Job, done int64) string {
	var rows, calls int64
	var busy []string
	for _, j := range jobs {
		s := j.Progress.Snapshot()
		rows, calls = rows+s.Rows, calls+s.Usage.Calls
		if s.Phase == pipeline.Copy || s.Phase == pipeline.Commit {
			busy = append(busy, j.SourceTable)
		}
	}
	line := fmt.Sprintf("%d of %s done, %s, %s", done, plural(int64(len(jobs)), "table"), plural(rows, "row"), plural(calls, "API call"))
	if len(busy) > 0 {
		line += "; copying " + strings.Join(busy, ", ")
	}
	return line
}

// destTable is the table that the user names, or the name that the catalog has
// for the source's; the zero value leaves it to the object's own name.
func (p *program) destTable(c *cli.Context, sourceTable string) (destination.TableName, error) {
	if given := c.String("dest-table"); given != "" {
		if c.String("dest-schema") != "" {
			return destination.TableName{}, &usageError{"--dest-table and --dest-schema both say where the rows go", "use one of them"}
		}
		return destination.ParseTableName(given)
	}
	schema := c.String("dest-schema")
	if known, ok := p.catalog.Lookup(sourceTable); ok {
		return destination.TableName{Schema: cmp.Or(schema, "public"), Table: known.Name}, nil
	}
	if schema == "" {
		return destination.TableName{}, nil
	}
	return destination.TableName{Schema: schema, Table: destination.Snake(strings.TrimPrefix(sourceTable, "custom:"))}, nil
}
