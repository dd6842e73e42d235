package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"sluice/source/salesforce"
)

func (p *program) queryCommand() *cli.Command {
	flags := slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "soql", Category: "Flags", Usage: "the query; it alone will do `SOQL`"},
	}, lookFlags(
		&cli.StringFlag{Name: "format", Category: "Flags", Usage: "table, csv, json, jsonl or parquet `KIND`", Value: "table"},
		&cli.StringFlag{Name: "output", Category: "Flags", Usage: "write there once all is read `FILE`", DefaultText: "stdout"},
		&cli.BoolFlag{Name: "all-rows", Category: "Flags", Usage: "deleted and archived rows, too"},
	))
	return &cli.Command{
		Name:      "query",
		Usage:     "Print what a SOQL query gives.",
		ArgsUsage: " SOQL --source-uri ADDRESS [flags]",
		Description: `Rows are printed as they come, by REST; numbers and times as the org writes them.
A field of a parent is a column like Owner.Name, the rows of a child are a list.
In a table long values are cut. --json is --format json. A Parquet file has the types
of the org's describe: one more call for each object that the query takes fields of.

` + environmentHelp(flags) + `
EXAMPLES
  sluice query 'SELECT Id, Name, Owner.Name FROM Account ORDER BY Name LIMIT 5'
  sluice query 'SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName' --format csv
  sluice query 'SELECT Id, Amount FROM Opportunity' --format parquet --output deals.parquet

` + exitStatus,
		Flags: flags,
		Action: func(c *cli.Context) error {
			p.json = c.Bool("json")
			format := c.String("format")
			if p.json {
				format = "json"
			}
			if !slices.Contains(queryFormats, format) {
				return unknownValue("format", format, queryFormats)
			}
			if format == "parquet" && c.String("output") == "" && p.terminal(p.Stdout) != nil {
				return &usageError{"a Parquet file is nothing to read on a terminal", "name a file with --output"}
			}
			a := question{soql: c.String("soql"), all: c.Bool("all-rows"), format: format, output: c.String("output")}
			var err error
			if a.columns, a.count, err = selectList(a.soql); err != nil {
				return err
			}
			return p.withOrg(c, func(ctx context.Context, org *salesforce.Source) error { return p.answer(ctx, org, a) })
		},
	}
}

// question is a query, and what shall become of its rows.
type question struct {
	soql           string
	all            bool
	format, output string
	columns        []selectedColumn
	count          bool // of SELECT COUNT()
}

// answer asks the org and prints what it gives.
func (p *program) answer(ctx context.Context, org *salesforce.Source, a question) error {
	ask := func(r rows) error {
		q := &queryPrinter{columns: a.columns, rows: r}
		total, err := org.Query(ctx, a.soql, a.all, q.print)
		if err == nil && a.count {
			err = r.print([]string{"count"}, []any{json.Number(fmt.Sprint(total))})
		}
		if err != nil {
			return err
		}
		return r.end(q.names())
	}
	if a.format != "parquet" {
		return p.writeTo(a.output, func(w io.Writer) error { return ask(rowPrinter(a.format, w)) })
	}
	columns := a.columns
	if a.count {
		columns = []selectedColumn{{name: "count", call: "COUNT"}}
	}
	schema, err := typedColumns(ctx, org, a.soql, columns)
	if err != nil {
		return err
	}
	folder := os.TempDir()
	if a.output != "" {
		folder = filepath.Dir(a.output)
	}
	return p.writeTo(a.output, func(w io.Writer) error { return writeParquet(ctx, w, folder, schema, ask) })
}

// writeTo gives do stdout, or a file that is there only when do succeeds.
func (p *program) writeTo(path string, do func(io.Writer) error) error {
	out := p.Stdout
	var file *os.File
	if path != "" {
		var err error
		if file, err = besides(path); err != nil {
			return &usageError{"--output: " + err.Error(), "name a file in a folder that may be written to"}
		}
		defer os.Remove(file.Name()) // which is gone by then, when all went well
		defer file.Close()
		out = file
	} else {
		p.answered = true // stdout has rows before anything can fail
	}
	w := bufio.NewWriter(out)
	err := do(w)
	if err = errors.Join(err, w.Flush()); err != nil || file == nil {
		return err
	}
	for _, step := range []func() error{
		file.Sync,
		file.Close,
		func() error { return os.Rename(file.Name(), path) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

// queryPrinter prints the records of an answer.
type queryPrinter struct {
	columns []selectedColumn // none until the first record, where the query does not tell
	rows    rows
}

func (q *queryPrinter) names() (names []string) {
	for _, c := range q.columns {
		names = append(names, c.name)
	}
	return names
}

func (q *queryPrinter) print(text json.RawMessage) error {
	var record map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // 0.1 stays 0.1
	if err := dec.Decode(&record); err != nil {
		return fmt.Errorf("query: a record is no JSON object: %w", err)
	}
	if q.columns == nil {
		for name := range record {
			if name != "attributes" {
				q.columns = append(q.columns, selectedColumn{name: name, paths: [][]string{{name}}})
			}
		}
		slices.SortFunc(q.columns, func(a, b selectedColumn) int { return strings.Compare(a.name, b.name) })
	}
	values := make([]any, len(q.columns))
	for i, c := range q.columns {
		for _, path := range c.paths {
			if v, ok := at(record, path); ok {
				values[i] = plain(v)
				break
			}
		}
	}
	return q.rows.print(q.names(), values)
}

// at finds a value by its path, in any case, as SOQL has none. What lies below
// a parent that is null is null.
func at(record map[string]any, path []string) (any, bool) {
	for name, v := range record {
		if !strings.EqualFold(name, path[0]) {
			continue
		}
		below, isRecord := v.(map[string]any)
		switch {
		case len(path) == 1 || v == nil:
			return v, true
		case isRecord:
			return at(below, path[1:])
		}
	}
	return nil, false
}

// plain leaves out what Salesforce adds to records: their addresses, and the
// frame around the rows of a child.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if list, ok := v["records"].([]any); ok {
			return plain(list)
		}
		delete(v, "attributes")
		for name := range v {
			v[name] = plain(v[name])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

// rows prints rows in one form. Names are the same for all rows.
type rows interface {
	print(names []string, values []any) error
	// end prints what is left, also when there were no rows.
	end(names []string) error
}

func rowPrinter(format string, w io.Writer) rows {
	switch format {
	case "csv":
		return &csvRows{w: csv.NewWriter(w)}
	case "json":
		return &jsonRows{w: w, first: "[\n  ", between: ",\n  ", empty: "[]\n", last: "\n]\n"}
	case "jsonl":
		return &jsonRows{w: w, between: "\n", last: "\n"}
	default:
		return &tableRows{w: w}
	}
}

type csvRows struct {
	w      *csv.Writer
	headed bool
}

func (r *csvRows) print(names []string, values []any) error {
	if !r.headed {
		r.headed = true
		if err := r.w.Write(names); err != nil {
			return err
		}
	}
	cells := make([]string, len(values))
	for i, v := range values {
		var err error
		if cells[i], err = textOf(v); err != nil {
			return err
		}
	}
	return r.w.Write(cells)
}

func (r *csvRows) end(names []string) error {
	if !r.headed && len(names) > 0 {
		if err := r.w.Write(names); err != nil {
			return err
		}
	}
	r.w.Flush()
	return r.w.Error()
}

// jsonRows writes each row as an object with the columns in their order.
type jsonRows struct {
	w                           io.Writer
	first, between, empty, last string
	any                         bool
}

func (r *jsonRows) print(names []string, values []any) error {
	var b bytes.Buffer
	b.WriteString(r.first)
	if r.any {
		b.Reset()
		b.WriteString(r.between)
	}
	r.any = true
	for i, v := range values {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		for n, part := range []any{names[i], v} {
			text, err := compact(part)
			if err != nil {
				return err
			}
			b.WriteString(text)
			if n == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteString("}")
	_, err := r.w.Write(b.Bytes())
	return err
}

func (r *jsonRows) end([]string) error {
	text := r.last
	if !r.any {
		text = r.empty
	}
	_, err := io.WriteString(r.w, text)
	return err
}

// tableRows aligns rows by the widths of the first ones.
type tableRows struct {
	w      io.Writer
	held   [][]string
	widths []int
	rows   int64
}

const (
	widthProbe  = 1000 // rows
	widestValue = 40
)

func (r *tableRows) print(names []string, values []any) error {
	if r.rows == 0 {
		r.held = append(r.held, names)
	}
	r.rows++
	cells := make([]string, len(values))
	for i, v := range values {
		text, err := textOf(v)
		if err != nil {
			return err
		}
		cells[i] = cut(visible(text), widestValue)
	}
	if r.widths != nil {
		return r.line(cells)
	}
	if r.held = append(r.held, cells); len(r.held) > widthProbe {
		return r.release()
	}
	return nil
}

// release prints the rows that were held back for their widths.
func (r *tableRows) release() error {
	for _, cells := range r.held {
		for i, c := range cells {
			if i == len(r.widths) {
				r.widths = append(r.widths, 0)
			}
			r.widths[i] = max(r.widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, cells := range r.held {
		if err := r.line(cells); err != nil {
			return err
		}
	}
	r.held = nil
	return nil
}

func (r *tableRows) line(cells []string) error {
	var b strings.Builder
	for i, c := range cells {
		fmt.Fprintf(&b, "%-*s  ", r.widths[i], c)
	}
	_, err := io.WriteString(r.w, strings.TrimRight(b.String(), " ")+"\n")
	return err
}

func (r *tableRows) end([]string) error {
	if r.rows == 0 {
		_, err := io.WriteString(r.w, "no rows\n")
		return err
	}
	return r.release()
}

// textOf is a value as text; null is empty.
func textOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	default:
		return compact(v)
	}
}

func compact(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
