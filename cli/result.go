package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/pipeline"
)

// resultRow is what became of a table, in short.
type resultRow struct {
	report  pipeline.Report
	failure error
}

// outcome is the result in a few words, and the colour that they have.
func (r resultRow) outcome() (text, colour string) {
	switch {
	case errors.Is(r.failure, errStopped):
		return "not loaded: another table failed", yellow
	case errors.Is(r.failure, errInterrupted):
		return "interrupted", yellow
	case r.failure != nil:
		return "failed: " + shortError(r.failure, r.report), red
	}
	text, colour = "ok", green
	switch {
	case r.report.Created:
		text = "created"
	case r.unchanged():
		text, colour = "nothing changed", dim
	}
	if n := len(r.report.SchemaChanges); n > 0 {
		text += ", " + plural(int64(n), "schema change")
	}
	if n := len(r.report.Warnings); n > 0 {
		text, colour = text+", "+plural(int64(n), "warning"), yellow
	}
	return text, colour
}

func (r resultRow) unchanged() bool {
	return r.report.RowsWritten == 0 && r.report.RowsDeleted == 0 && r.report.RowsRefreshed == 0 && !r.report.Created && len(r.report.SchemaChanges) == 0
}

// shortError is the first line of an error, without the names of the table,
// which stand beside it.
func shortError(err error, r pipeline.Report) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	for _, name := range []string{"load " + r.DestTable, "stage " + r.DestTable, "describe " + r.SourceTable, "query " + r.SourceTable, r.SourceTable, r.DestTable} {
		if rest, ok := strings.CutPrefix(text, name+": "); ok && rest != "" {
			return rest
		}
	}
	return text
}

// resultColumn is a column of the table that follows a run.
type resultColumn struct {
	head  string
	right bool
	cell  func(pipeline.Report) string
	total string
	// wide columns are left out, the last first, where there is no room.
	wide bool
}

// minOutcome is the room that the outcome has before wide columns take it.
const minOutcome = 22

func resultColumns(o outcome) []resultColumn {
	sum := newAnswer(o.reports)
	columns := []resultColumn{
		{head: "TABLE", cell: func(r pipeline.Report) string { return cut(r.SourceTable, maxName) }, total: plural(int64(len(o.reports)), "table")},
		{head: "INTO", wide: true, cell: func(r pipeline.Report) string { return dash(r.DestTable) }},
		{head: "MODE", wide: true, cell: func(r pipeline.Report) string { return dash(r.Strategy) }},
		{head: "WRITTEN", right: true, cell: func(r pipeline.Report) string { return count(r.RowsWritten) }, total: count(sum.RowsWritten)},
		{head: "DELETED", right: true, cell: func(r pipeline.Report) string { return count(r.RowsDeleted) }, total: count(sum.RowsDeleted)},
		{head: "RECEIVED", right: true, wide: true, cell: func(r pipeline.Report) string { return size(r.Bytes) }, total: size(sum.Bytes)},
		{head: "TIME", right: true, cell: func(r pipeline.Report) string { return duration(r.Total()) }, total: duration(o.took())},
		{head: "CALLS", right: true, cell: func(r pipeline.Report) string { return count(r.Calls) }, total: count(sum.APICalls)},
		{head: "READ BY", wide: true, cell: func(r pipeline.Report) string { return dash(apiName(r.API)) }},
	}
	if sum.RowsDeleted == 0 {
		columns = slices.DeleteFunc(columns, func(c resultColumn) bool { return c.head == "DELETED" })
	}
	return columns
}

// printResults tells a person at a terminal of that width what became of
// several tables: a line each, a total, and what else there is to know.
func printResults(w io.Writer, o outcome, width int, c paint) error {
	columns := resultColumns(o)
	widths := make([]int, len(columns))
	room := width - minOutcome
	for i, col := range columns {
		widths[i] = max(len(col.head), utf8.RuneCountInString(col.total))
		for _, r := range o.reports {
			widths[i] = max(widths[i], utf8.RuneCountInString(col.cell(r)))
		}
		room -= widths[i] + 2
	}
	for i := len(columns) - 1; i >= 0 && room < 0; i-- {
		if columns[i].wide {
			room += widths[i] + 2
			columns, widths = slices.Delete(columns, i, i+1), slices.Delete(widths, i, i+1)
		}
	}
	var b strings.Builder
	line := func(cell func(resultColumn) string, last, colour string) {
		var text strings.Builder
		for i, col := range columns {
			s := cell(col)
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(s))
			if col.right {
				text.WriteString(pad + s + "  ")
			} else {
				text.WriteString(s + pad + "  ")
			}
		}
		last = cut(last, max(minOutcome/2, width-utf8.RuneCountInString(text.String())))
		fmt.Fprintf(&b, "%s%s\n", text.String(), c.as(colour, last))
	}
	line(func(col resultColumn) string { return col.head }, "OUTCOME", "")
	for i, r := range o.reports {
		text, colour := resultRow{r, o.failures[i]}.outcome()
		line(func(col resultColumn) string { return col.cell(r) }, text, colour)
	}
	line(func(col resultColumn) string { return col.total }, o.tally(), bold)
	if left := limit(newest(o.reports)); left != "" {
		fmt.Fprintf(&b, "API calls: %s\n", strings.TrimPrefix(left, "; "))
	}
	for _, r := range o.reports {
		for _, change := range r.SchemaChanges {
			fmt.Fprintf(&b, "%s: %s\n", r.DestTable, change)
		}
	}
	for _, n := range warnings(o.reports) {
		fmt.Fprintf(&b, "%s %s\n", c.as(yellow, "warning:"), n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// note is a text about some of the tables, which are named before it.
type note struct{ About, Text string }

func (n note) String() string { return n.About + n.Text }

// warnings lists those of several tables, what they have in common once.
func warnings(reports []pipeline.Report) (list []note) {
	tables := map[string][]string{}
	for _, r := range reports {
		for _, text := range r.Warnings {
			if tables[text] == nil {
				list = append(list, note{Text: text})
			}
			tables[text] = append(tables[text], r.SourceTable)
		}
	}
	for i, n := range list {
		switch about := tables[n.Text]; {
		case len(about) > 3 && len(about) == len(reports):
			list[i].About = fmt.Sprintf("all %d tables: ", len(about))
		case !strings.HasPrefix(n.Text, about[0]): // which names it already
			list[i].About = strings.Join(about, ", ") + ": "
		}
	}
	return list
}

// newest is the report whose count of API calls is the latest that the org told.
func newest(reports []pipeline.Report) (r pipeline.Report) {
	for _, one := range reports {
		if one.LimitMax > 0 && one.LimitUsed >= r.LimitUsed {
			r = one
		}
	}
	return r
}

// tally counts the tables by what became of them.
func (o outcome) tally() string {
	var loaded, failed int
	for _, failure := range o.failures {
		if failure == nil {
			loaded++
		} else {
			failed++
		}
	}
	switch {
	case failed == 0:
		return "all loaded"
	case loaded == 0:
		return "none loaded"
	default:
		return fmt.Sprintf("%d loaded, %d not", loaded, failed)
	}
}

// totalLine tells of several tables in a line, for logs.
func totalLine(o outcome) string {
	sum := newAnswer(o.reports)
	return fmt.Sprintf("%s, %s: %s in %s, %s", plural(int64(len(o.reports)), "table"), o.tally(), plural(sum.RowsWritten, "row"), duration(o.took()), plural(sum.APICalls, "API call"))
}
