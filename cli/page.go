package cli

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"sluice/pipeline"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"count": count, "size": size, "duration": duration, "moment": pageTime, "plural": plural,
}).Parse(pageText))

// pageTime is a moment as the page has it.
func pageTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// reportPage is what the page of --report tells.
type reportPage struct {
	Title, Mark      string // Mark is ok, warning or failed
	Command, Version string
	Org, Destination string
	Started, Ended   time.Time
	Took             time.Duration
	ExitCode         int
	Meaning          string
	Errors           []pageError
	Tables           []pageTable
	Sum              answer
	Phases           []pipeline.Phase
	Longest          time.Duration
	Months           *monthChart
	LimitMax, Left   int64 // calls a day
	Used             int64
	UsedShare        float64 // in thousandths
	Changes, Notes   []note
	Reading, Writing time.Duration
}

type pageError struct {
	Tables     []string
	Text, Hint string
}

type pageTable struct {
	pipeline.Report
	Outcome, Mark string
	Bars          []phaseBar
}

// phaseBar is a phase in the chart, in thousandths of the longest table.
type phaseBar struct {
	Phase       pipeline.Phase
	From, Width float64
	Took        time.Duration
}

// Sorted are the tables that took longest, of whom the chart tells.
func (p reportPage) Sorted() []pageTable {
	list := slices.Clone(p.Tables)
	slices.SortStableFunc(list, func(a, b pageTable) int { return cmp.Compare(b.Total(), a.Total()) })
	return list[:min(len(list), maxBars)]
}

const maxBars = 40

func (p *program) newPage(o outcome) reportPage {
	page := reportPage{
		Command: "sluice " + o.command, Version: p.version(), Org: cmp.Or(o.from, "unknown"), Destination: cmp.Or(o.to, "unknown"),
		Started: o.started, Ended: o.ended, Took: o.took(), ExitCode: exitCode(o.err), Sum: newAnswer(o.reports), Phases: pipeline.Phases,
	}
	page.Meaning = meaningOf(page.ExitCode)
	for i, r := range o.reports {
		text, colour := resultRow{r, o.failures[i]}.outcome()
		text, _, _ = strings.Cut(text, ":") // the reason of a failure stands above
		mark := map[string]string{red: "failed", yellow: "warning"}[colour]
		page.Tables = append(page.Tables, pageTable{Report: r, Outcome: text, Mark: cmp.Or(mark, "ok")})
		page.Longest = max(page.Longest, r.Total())
		page.Org = cmp.Or(r.Host, page.Org)
		page.Reading, page.Writing = page.Reading+r.Reading, page.Writing+r.Writing
		for _, change := range r.SchemaChanges {
			page.Changes = append(page.Changes, note{r.DestTable + ": ", change})
		}
	}
	page.Notes = warnings(o.reports)
	for i := range page.Tables {
		page.Tables[i].Bars = barsOf(page.Tables[i].Report, page.Longest)
	}
	for _, c := range causes(o) {
		page.Errors = append(page.Errors, pageError{c.tables, c.text, c.hint})
	}
	if len(page.Errors) == 0 && o.err != nil {
		page.Errors = []pageError{{nil, o.err.Error(), hint(o.err)}}
	}
	page.Months = newMonthChart(o.reports)
	if r := newest(o.reports); r.LimitMax > 0 {
		page.LimitMax, page.Left, page.Used = r.LimitMax, r.LimitMax-r.LimitUsed, r.LimitUsed
		page.UsedShare = 1000 * float64(page.Used) / float64(page.LimitMax)
	}
	page.name(o)
	return page
}

// name gives the page its title.
func (p *reportPage) name(o outcome) {
	p.Mark = "ok"
	switch {
	case o.err != nil:
		p.Mark = "failed"
	case len(p.Notes) > 0:
		p.Mark = "warning"
	}
	switch {
	case len(o.reports) == 1 && o.err == nil:
		p.Title = o.reports[0].SourceTable + " loaded"
	case len(o.reports) == 1:
		p.Title = o.reports[0].SourceTable + " not loaded"
	case len(o.reports) == 0:
		p.Title = "Nothing loaded"
	default:
		p.Title = plural(int64(len(o.reports)), "table") + ", " + o.tally()
	}
}

// meaningOf is what the help says about an exit code.
func meaningOf(code int) string {
	for line := range strings.SplitSeq(exitStatus, "\n") {
		if n, meaning, _ := strings.Cut(strings.TrimSpace(line), " "); n == fmt.Sprint(code) {
			return strings.TrimSpace(meaning)
		}
	}
	return ""
}

// barsOf puts the phases of a table side by side.
func barsOf(r pipeline.Report, longest time.Duration) (bars []phaseBar) {
	at := 0.0
	for _, phase := range pipeline.Phases {
		if took := r.Took[phase]; took > 0 {
			width := 1000 * float64(took) / float64(longest)
			bars = append(bars, phaseBar{phase, at, width, took})
			at += width
		}
	}
	return bars
}

// monthChart is the rows of all tables by month, or by year where there are
// many months.
type monthChart struct {
	By     string // month or year
	Fields string // which the rows were counted by
	Most   int64
	Bars   []monthBar
	// None counts the rows without a date, Uncounted those that an earlier run
	// had staged.
	None, Uncounted int64
}

// monthBar is one column, in thousandths of the chart.
type monthBar struct {
	Name                   string
	Rows                   int64
	At, Width, Top, Height float64
}

// maxMonths is how many columns are told apart on a phone.
const maxMonths = 120

func newMonthChart(reports []pipeline.Report) *monthChart {
	c := &monthChart{By: "month"}
	rows, fields := map[string]int64{}, map[string]bool{}
	for _, r := range reports {
		for month, n := range r.Months {
			rows[month] += n
			fields[r.MonthsOf] = true
		}
		if r.Months != nil {
			c.Uncounted += r.RowsReused
		}
	}
	c.None = rows[""]
	delete(rows, "")
	if len(rows) == 0 {
		return nil
	}
	var names, spelled []string
	for name := range rows {
		names = append(names, name)
	}
	for name := range fields {
		spelled = append(spelled, name)
	}
	slices.Sort(names)
	slices.Sort(spelled)
	c.Fields = strings.Join(spelled, ", ")
	names = between(names[0], names[len(names)-1])
	if len(names) > maxMonths {
		c.By = "year"
		rows, names = yearly(rows, names)
	}
	for _, name := range names {
		c.Most = max(c.Most, rows[name])
	}
	width := 1000 / float64(len(names))
	for i, name := range names {
		height := 100 * float64(rows[name]) / float64(c.Most)
		c.Bars = append(c.Bars, monthBar{Name: name, Rows: rows[name], At: float64(i)*width + width*0.1, Width: width * 0.8, Top: 100 - height, Height: height})
	}
	return c
}

// between lists the months from one to another.
func between(first, last string) (names []string) {
	var year, month int
	if _, err := fmt.Sscanf(first, "%d-%d", &year, &month); err != nil {
		return []string{first}
	}
	for at := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC); ; at = at.AddDate(0, 1, 0) {
		name := at.Format("2006-01")
		names = append(names, name)
		if name >= last {
			return names
		}
	}
}

// yearly adds up months. Of some thousand years, which is no time that anybody
// created rows in, the last ones are shown.
func yearly(rows map[string]int64, names []string) (map[string]int64, []string) {
	sum, years := map[string]int64{}, []string{}
	for _, name := range names {
		year := name[:4]
		if len(years) == 0 || years[len(years)-1] != year {
			years = append(years, year)
		}
		sum[year] += rows[name]
	}
	return sum, years[max(0, len(years)-maxMonths):]
}

// Summary tells in words what the chart shows.
func (c *monthChart) Summary() string {
	most := slices.MaxFunc(c.Bars, func(a, b monthBar) int { return cmp.Compare(a.Rows, b.Rows) })
	return fmt.Sprintf("Rows by %s, from %s to %s; most, %s, in %s.", c.By, c.Bars[0].Name, c.Bars[len(c.Bars)-1].Name, count(c.Most), most.Name)
}

// Axis has the names below the chart.
func (c *monthChart) Axis() (names []string) {
	last := len(c.Bars) - 1
	for _, i := range slices.Compact([]int{0, last / 2, last}) {
		names = append(names, c.Bars[i].Name)
	}
	return names
}

// writeReport writes the page of --report.
func (p *program) writeReport(path string, o outcome) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, p.newPage(o))
	if err == nil {
		err = replaceFile(path, b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}
