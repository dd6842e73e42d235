package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"sluice/pipeline"
)

func (p *program) diffCommand() *cli.Command {
	const group = "Flags"
	flags := lookFlags(slices.Concat(
		[]cli.Flag{&cli.StringFlag{Name: "source-table", Category: group, Usage: "one of \"sluice tables\", or any object; its name alone will do `NAME`"}},
		only(addressFlags(group), []string{"dest-uri"}),
		only(tableFlags(group), []string{"dest-table", "dest-schema"}),
		[]cli.Flag{
			&cli.BoolFlag{Name: "every-row", Category: group, Usage: "compare all rows, not only those of months that differ"},
			&cli.IntFlag{Name: "limit", Category: group, Usage: "list so many months and rows of a kind, 0 to 10000 `N`", Value: 20},
		},
		only(columnFlags(group), []string{"where", "fields", "sql-exclude-columns", "columns", "mask", "trim-whitespace"}),
		only(windowFlags(group), []string{"primary-key", "deleted"}),
		only(sharedFlags(group), []string{"state-uri", "lock-timeout"}),
	)...)
	return &cli.Command{
		Name:      "diff",
		Usage:     "Compare a table with the org, and list the rows that differ.",
		ArgsUsage: " NAME --source-uri ADDRESS --dest-uri ADDRESS [flags]",
		Description: `First it compares, month by month of CreatedDate, how many rows there are, when the
newest of them changed, and the sums of up to 20 numbers: one query of the org. Then
it reads the rows of the months that differ, and tells which are

  missing    the org has it, the table lacks it
  surplus    the table has it, the org does not
  different  their values differ

A row that changed in the org after the table was loaded is none of these: it is
counted as new, changed or deleted, and the next run brings it. A value that differs
and changes none of the totals, such as a text, is found by --every-row alone.
Nothing is written at either end. The exit code is 0 when the table is the same, but
for what the next run brings, and 1 when it differs.

A table that was loaded with --mask, --columns, --trim-whitespace or --fields takes
the same flags here. A --where is known from the last run that merged.

` + environmentHelp(flags) + `
EXAMPLES
  sluice diff account --dest-uri duckdb:///crm.db
  sluice diff opportunity --dest-table sales.deal --every-row --json

` + exitStatus,
		Flags:  flags,
		Action: p.diff,
	}
}

// mostListed bounds --limit: listed rows are held with their values.
const mostListed = 10_000

// differentError is a table that is not what its source is.
type differentError struct{ pipeline.Difference }

func (e *differentError) Error() string {
	return fmt.Sprintf("%s differs from %s: %s", e.DestTable, e.SourceTable, kindsOf(e.Counts, pipeline.Missing, pipeline.Surplus, pipeline.Different))
}

// Hint says how to mend it.
func (e *differentError) Hint() string {
	return "sluice ingest --full-refresh with the flags that the table is loaded by makes it whole again"
}

func (p *program) diff(c *cli.Context) error {
	p.json = c.Bool("json")
	if c.String("source-table") == "" || manyTables(c.String("source-table")) {
		return &usageError{"diff compares one table", "for example: sluice diff account --dest-uri duckdb:///crm.db"}
	}
	if err := required(c, "source-uri", "dest-uri"); err != nil {
		return err
	}
	if n := c.Int("limit"); n < 0 || n > mostListed {
		return &usageError{fmt.Sprintf("--limit %d is out of range", n), fmt.Sprintf("use 0 to %d", mostListed)}
	}
	if choice := c.String("deleted"); !slices.Contains(deletedChoices, choice) {
		return &usageError{fmt.Sprintf("--deleted %q is unknown", choice), "use " + strings.Join(deletedChoices, ", ")}
	}
	log := p.logger(p.Stderr, c.Bool("debug"))
	job := pipeline.Job{Log: log, Sleep: p.Sleep, Deleted: c.String("deleted"), Key: keysOf(c)}
	if err := p.readColumns(c, &job); err != nil {
		return err
	}
	r := request{log: log}
	s := settings{catalog: p.catalog, log: log, userAgent: "sluice/" + p.version(), lockTimeout: c.Duration("lock-timeout"), sleep: p.Sleep, silence: p.Silence}
	if err := p.connect(c, s, &r, []tableJob{{c, job}}); err != nil {
		return err
	}
	d, err := pipeline.Diff(c.Context, r.jobs[0], pipeline.DiffOptions{EveryRow: c.Bool("every-row"), Most: c.Int("limit")})
	if err = errors.Join(nameInterrupt(c.Context, err), r.close()); err != nil {
		return err
	}
	return p.printDifference(d, c.Int("limit"))
}

func (p *program) printDifference(d pipeline.Difference, most int) error {
	var err error
	if !d.Same() {
		err = &differentError{d}
	}
	if p.json {
		return errors.Join(p.printValue(newDiffAnswer(d, exitCode(err))), err)
	}
	for _, w := range d.Warnings {
		p.tell("warning", w)
	}
	if p.quiet && err == nil {
		return nil
	}
	if printing := p.printDiffSummary(d); printing != nil {
		return printing
	}
	if printing := p.printDiffMonths(d, most); printing != nil {
		return printing
	}
	return errors.Join(p.printDiffRows(d), err)
}

// kindsOf tells how many rows there are of some kinds.
func kindsOf(counts map[pipeline.Kind]int64, kinds ...pipeline.Kind) string {
	var parts []string
	for _, k := range kinds {
		if n := counts[k]; n > 0 {
			parts = append(parts, count(n)+" "+string(k))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *program) printDiffSummary(d pipeline.Difference) error {
	pending := kindsOf(d.Counts, pipeline.New, pipeline.Changed, pipeline.Deleted)
	verdict := "the same"
	switch {
	case !d.Same():
		verdict = "different"
	case pending != "":
		verdict = "the same, but for what changed since"
	}
	lines := [][2]string{}
	add := func(name, text string) { lines = append(lines, [2]string{name, text}) }
	var org, table, differ int64
	for _, m := range d.Months {
		org, table = org+m.Source.Rows, table+m.Table.Rows
		if len(m.Why) > 0 {
			differ++
		}
	}
	add("org", plural(org, "row"))
	loaded := ""
	if !d.Cursor.IsZero() {
		loaded = ", loaded up to " + moment(d.Cursor)
	}
	add("table", plural(table, "row")+loaded)
	if d.Where != "" {
		add("where", cut(visible(d.Where), widestLine))
	}
	compared := "the totals of " + plural(int64(len(d.Months)), "month")
	if len(d.Months) == 1 {
		compared = "the totals"
	}
	if differ > 0 {
		compared += fmt.Sprintf(", %s of which differ", count(differ))
	}
	if d.Compared > 0 {
		compared += "; " + plural(d.Compared, "row") + " one by one"
	}
	add("compared", compared)
	if n := kindsOf(d.Counts, pipeline.Missing, pipeline.Surplus, pipeline.Different); n != "" {
		add("differ", n)
	}
	if pending != "" {
		add("since", pending+" in the org: the next run brings it")
	}
	if d.Kept > 0 {
		add("kept", plural(d.Kept, "row")+" that the org has deleted, as --deleted ignore asks for")
	}
	for _, l := range d.LeftOut {
		add("left out", some(l.Fields, widestLine-utf8.RuneCountInString(l.Why)-2)+": "+l.Why)
	}
	add("cost", fmt.Sprintf("%s, %s", plural(d.Took.Calls, "API call"), size(d.Took.Bytes)))
	if _, err := fmt.Fprintf(p.Stdout, "%s and %s: %s\n", d.SourceTable, d.DestTable, verdict); err != nil {
		return err
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(p.Stdout, "  %-9s %s\n", l[0], l[1]); err != nil {
			return err
		}
	}
	return nil
}

const (
	// widestLine is what an indented line of 80 columns has beside its name.
	widestLine = 68
	widestWhy  = 40
	// widestFields leaves room for a kind, an Id and a moment.
	widestFields = 26
)

// some joins as many names as have room, and tells how many do not; one is
// there always.
func some(names []string, width int) string {
	text := ""
	for i, name := range names {
		more := text + ", " + name
		if i == 0 {
			more = name
		}
		rest := ""
		if left := len(names) - i - 1; left > 0 {
			rest = fmt.Sprintf(" +%d", left)
		}
		if i > 0 && utf8.RuneCountInString(more+rest) > width {
			return fmt.Sprintf("%s +%d", text, len(names)-i)
		}
		text = more
	}
	return text
}

func (p *program) printDiffMonths(d pipeline.Difference, most int) error {
	var rows [][]string
	for _, m := range d.Months {
		if len(m.Why) > 0 {
			rows = append(rows, []string{m.Name, count(m.Source.Rows), count(m.Table.Rows), some(m.Why, widestWhy)})
		}
	}
	shown := min(len(rows), most)
	if err := p.printBelow([]string{"MONTH", "ORG", "TABLE", "DIFFERS IN"}, rows[:shown]); err != nil || shown == len(rows) {
		return err
	}
	return p.remark("%s: --limit lists more", plural(int64(len(rows)-shown), "more month"))
}

func (p *program) printDiffRows(d pipeline.Difference) error {
	var rows [][]string
	all := int64(0)
	for _, k := range pipeline.Kinds {
		if k.True() {
			all += d.Counts[k]
		}
	}
	for _, r := range d.Rows {
		if !r.Kind.True() {
			continue
		}
		var fields []string
		for _, f := range r.Fields {
			fields = append(fields, f.Field)
		}
		why := some(fields, widestFields)
		if r.Why != "" {
			why = r.Why
		}
		rows = append(rows, []string{string(r.Kind), visible(r.ID), dash(moment(r.Changed)), dash(why)})
	}
	if err := p.printBelow([]string{"KIND", "ID", "CHANGED", "FIELDS"}, rows); err != nil || int64(len(rows)) == all {
		return err
	}
	return p.remark("%s: --limit lists more of each kind", plural(all-int64(len(rows)), "more row"))
}

// printBelow prints rows, if there are any, below something else.
func (p *program) printBelow(head []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(p.Stdout); err != nil {
		return err
	}
	return printColumns(p.Stdout, slices.Concat([][]string{head}, rows))
}

// diffAnswer is the JSON of "sluice diff". Its names are a promise to scripts.
type diffAnswer struct {
	SourceTable string `json:"source_table"`
	DestTable   string `json:"dest_table"`
	// Same is true also when rows changed in the org since the table was loaded.
	Same  bool    `json:"same"`
	Where *string `json:"where"`
	// LoadedTo is how far the table was loaded; null when nothing tells.
	LoadedTo *time.Time  `json:"loaded_to"`
	Months   []diffMonth `json:"months"`
	// RowsCompared counts the rows that were compared one by one.
	RowsCompared int64 `json:"rows_compared"`
	// Counts are of all rows, by kind; Rows has as many of each as --limit lets.
	Counts      map[pipeline.Kind]int64 `json:"counts"`
	Rows        []diffRow               `json:"rows"`
	KeptDeleted int64                   `json:"kept_deleted"`
	LeftOut     []diffLeftOut           `json:"left_out"`
	Warnings    []string                `json:"warnings"`
	APICalls    int64                   `json:"api_calls"`
	ExitCode    int                     `json:"exit_code"`
}

type diffMonth struct {
	Month string    `json:"month"`
	Org   diffTotal `json:"org"`
	Table diffTotal `json:"table"`
	// Differs lists "rows", the cursor, and the fields whose sums differ.
	Differs []string `json:"differs"`
}

type diffTotal struct {
	Rows   int64              `json:"rows"`
	Newest *time.Time         `json:"newest"`
	Sums   map[string]float64 `json:"sums"`
}

type diffRow struct {
	Kind    pipeline.Kind `json:"kind"`
	ID      string        `json:"id"`
	Changed *time.Time    `json:"changed"`
	Why     *string       `json:"why"`
	Fields  []diffField   `json:"fields"`
}

// diffField has the values as text; null is none.
type diffField struct {
	Field string  `json:"field"`
	Org   *string `json:"org"`
	Table *string `json:"table"`
}

type diffLeftOut struct {
	Why    string   `json:"why"`
	Fields []string `json:"fields"`
}

func newDiffAnswer(d pipeline.Difference, code int) diffAnswer {
	a := diffAnswer{
		SourceTable: d.SourceTable, DestTable: d.DestTable, Same: d.Same(), Where: orNull(d.Where), LoadedTo: timeOrNull(d.Cursor),
		Months: []diffMonth{}, RowsCompared: d.Compared, Counts: map[pipeline.Kind]int64{}, Rows: []diffRow{}, KeptDeleted: d.Kept,
		LeftOut: []diffLeftOut{}, Warnings: append([]string{}, d.Warnings...), APICalls: d.Took.Calls, ExitCode: code,
	}
	for _, m := range d.Months {
		total := func(t pipeline.MonthTotal) diffTotal {
			sums := map[string]float64{}
			for i, name := range d.Sums {
				sums[name] = t.Sums[i]
			}
			return diffTotal{t.Rows, timeOrNull(t.Newest), sums}
		}
		a.Months = append(a.Months, diffMonth{m.Name, total(m.Source), total(m.Table), append([]string{}, m.Why...)})
	}
	for _, k := range pipeline.Kinds {
		a.Counts[k] = d.Counts[k]
	}
	for _, r := range d.Rows {
		row := diffRow{r.Kind, r.ID, timeOrNull(r.Changed), orNull(r.Why), []diffField{}}
		for _, f := range r.Fields {
			row.Fields = append(row.Fields, diffField{f.Field, f.Source, f.Table})
		}
		a.Rows = append(a.Rows, row)
	}
	for _, l := range d.LeftOut {
		a.LeftOut = append(a.LeftOut, diffLeftOut{l.Why, l.Fields})
	}
	return a
}

func timeOrNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
