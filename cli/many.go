package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"sluice/destination"
	"sluice/pipeline"
	"sluice/source"
	"sluice/source/salesforce"
)

// maxTables is how many tables are loaded at once, at most. Most of the time
// they wait for jobs of the org, which has them take turns itself; the source
// keeps their requests within what an org answers at a time.
const maxTables = 12

// manyTables says whether --source-table may name more than one table.
func manyTables(text string) bool { return text == "all" || strings.ContainsAny(text, ",*?") }

// tableJob is a job for one or more tables, and the flags that it comes from.
type tableJob struct {
	flags *cli.Context
	job   pipeline.Job
}

// jobsOf gives a job for each table that is wanted. A table that is named
// itself is not loaded again by a pattern.
func (p *program) jobsOf(ctx context.Context, open source.Opener, wanted []tableJob) (jobs []pipeline.Job, err error) {
	o := &objects{open: open}
	seen := map[string]bool{}
	for _, w := range wanted {
		if name := w.flags.String("source-table"); !manyTables(name) {
			seen[p.objectName(name)] = true
		}
	}
	for _, w := range wanted {
		text := w.flags.String("source-table")
		names := []string{text}
		if manyTables(text) {
			if names, err = o.named(ctx, text); err != nil {
				return nil, err
			}
			names = slices.DeleteFunc(names, func(name string) bool {
				name = p.objectName(name)
				defer func() { seen[name] = true }()
				return seen[name]
			})
		}
		if len(names) > 1 && w.flags.String("dest-table") != "" {
			return nil, &usageError{"--dest-table names one table, --source-table several", "leave it out; --dest-schema says where the tables go"}
		}
		for _, name := range names {
			j := w.job
			j.SourceTable, j.Progress = name, new(pipeline.Progress)
			if j.Table, err = p.destTable(w.flags, name); err != nil {
				return nil, err
			}
			jobs = append(jobs, j)
		}
	}
	return jobs, p.apart(jobs)
}

// objectName tells two names of one object by their being alike.
func (p *program) objectName(table string) string {
	if known, ok := p.catalog.Lookup(table); ok {
		table = known.Object
	}
	return strings.ToLower(strings.TrimPrefix(table, "custom:"))
}

// apart refuses two jobs that would write one table.
func (p *program) apart(jobs []pipeline.Job) error {
	from := map[string]string{}
	for _, j := range jobs {
		t := destinationOf(j)
		key := strings.ToLower(t.String())
		if other, taken := from[key]; taken {
			return &usageError{fmt.Sprintf("%s and %s would both be written to %s", other, j.SourceTable, t), "give one of them another --dest-table, or leave it out"}
		}
		from[key] = j.SourceTable
	}
	return nil
}

// objects are those of the org, asked for once.
type objects struct {
	open source.Opener
	list []salesforce.Listed
}

// named gives the tables that --source-table names, in its order. Patterns and
// "all" ask the org.
func (o *objects) named(ctx context.Context, text string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, &usageError{"--source-table holds an empty name", "write names with commas between them: account,contact"}
		}
		if !manyTables(name) {
			names = append(names, name)
			continue
		}
		if err := o.ask(ctx); err != nil {
			return nil, err
		}
		matches := matching(name, o.list)
		if len(matches) == 0 {
			return nil, &usageError{fmt.Sprintf("the org has no object like %s that can be loaded", name), "sluice objects --all lists all, and why some cannot be loaded"}
		}
		names = append(names, matches...)
	}
	return names, nil
}

// ask lists the objects of the org, once.
func (o *objects) ask(ctx context.Context) error {
	if o.list != nil {
		return nil
	}
	src, err := o.open(ctx)
	if err != nil {
		return err
	}
	o.list, err = src.(interface {
		Objects(ctx context.Context) ([]salesforce.Listed, error)
	}).Objects(ctx)
	return errors.Join(err, src.Close())
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
	tables := shownOf(r.jobs)
	stop := r.progress.start(ctx, tables)
	var mu sync.Mutex
	for i, job := range r.jobs {
		group.Go(func() error {
			defer tables[i].ended.Store(true)
			var err error
			if err = context.Cause(ctx); err == nil {
				reports[i], err = r.lineage.run(ctx, job)
			}
			mu.Lock()
			defer mu.Unlock()
			if reports[i].SourceTable == "" {
				reports[i].SourceTable, reports[i].DestTable = job.SourceTable, destinationOf(job).String()
			}
			failures[i] = nameInterrupt(ctx, err)
			tables[i].failed.Store(err != nil)
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

func shownOf(jobs []pipeline.Job) (tables []*shown) {
	for _, j := range jobs {
		tables = append(tables, &shown{name: j.SourceTable, progress: j.Progress})
	}
	return tables
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

// destTable is the table that the user names, or the name that the catalog has
// for the source's; the zero value leaves it to the object's own name.
func (p *program) destTable(c *cli.Context, sourceTable string) (destination.TableName, error) {
	schema := c.String("dest-schema")
	if given := c.String("dest-table"); given != "" {
		name, err := destination.ParseTableName(given, cmp.Or(schema, "public"))
		if err != nil {
			return name, fmt.Errorf("--dest-table: %w", err)
		}
		if schema != "" && schema != name.Schema {
			return name, &usageError{"--dest-table and --dest-schema name two schemas", "use one of them"}
		}
		return name, nil
	}
	if known, ok := p.catalog.Lookup(sourceTable); ok {
		return destination.TableName{Schema: cmp.Or(schema, "public"), Table: known.Name}, nil
	}
	if schema == "" {
		return destination.TableName{}, nil
	}
	return destination.TableName{Schema: schema, Table: destination.Snake(strings.TrimPrefix(sourceTable, "custom:"))}, nil
}
