package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/urfave/cli/v2"

	"sluice/source"
	"sluice/source/salesforce"
	"sluice/transform"
)

// maxSample is one page of a query.
const maxSample = 2000

func (p *program) sampleCommand() *cli.Command {
	flags := lookFlags(
		&cli.StringFlag{Name: "source-table", Category: "Flags", Usage: "one of \"sluice tables\", or any object; its name alone will do `NAME`"},
		&cli.IntFlag{Name: "rows", Category: "Flags", Usage: "how many rows, 1 to 2000 `N`", Value: 3},
		&cli.StringFlag{Name: "fields", Category: "Flags", Usage: "only these fields: Name,Amount `FIELDS`", DefaultText: "all"},
		&cli.StringFlag{Name: "where", Category: "Flags", Usage: "only rows for which that holds: \"Type = 'Customer'\" `SOQL`"},
	)
	return &cli.Command{
		Name:      "sample",
		Usage:     "Show some rows of a table as they are in the org.",
		ArgsUsage: " NAME --source-uri ADDRESS [flags]",
		Description: `A line a field, a column a row; long values are cut, in --json they are whole.
It takes a describe and a query: two calls.

` + environmentHelp(flags) + `
EXAMPLES
  sluice sample account
  sluice sample opportunity --where "StageName = 'Closed Won'" --fields Name,Amount --rows 5 --json

` + exitStatus,
		Flags: flags,
		Action: func(c *cli.Context) error {
			if c.String("source-table") == "" {
				return &usageError{"no table is named", "for example: sluice sample account"}
			}
			if n := c.Int("rows"); n < 1 || n > maxSample {
				return &usageError{fmt.Sprintf("--rows %d is out of range", n), fmt.Sprintf("use 1 to %d", maxSample)}
			}
			p.json = c.Bool("json")
			return p.withOrg(c, func(ctx context.Context, org *salesforce.Source) error { return p.sample(ctx, c, org) })
		},
	}
}

func (p *program) sample(ctx context.Context, c *cli.Context, org *salesforce.Source) error {
	table, err := org.Table(ctx, c.String("source-table"))
	if err != nil {
		return err
	}
	request := source.Request{Limit: int64(c.Int("rows")), Where: c.String("where")}
	if text := c.String("fields"); text != "" {
		names, err := transform.ParseFields(text)
		if err != nil {
			return fmt.Errorf("--fields: %w", err)
		}
		request.Fields, err = transform.Select(table.Schema(), transform.Options{Object: table.Name(), Key: table.Key(), Fields: names})
		if err != nil {
			return err
		}
	}
	scan, err := table.Scan(ctx, request)
	if err != nil {
		return err
	}
	var fields []string
	var rows [][]any // a value is nil, or as JSON has it
	err = eachBatch(ctx, scan, func(b arrow.RecordBatch) error {
		fields = fields[:0]
		for _, f := range b.Schema().Fields() {
			fields = append(fields, f.Name)
		}
		for i := range int(b.NumRows()) {
			row := make([]any, b.NumCols())
			for n, column := range b.Columns() {
				if column.IsValid(i) {
					row[n] = column.GetOneForMarshal(i)
				}
			}
			rows = append(rows, row)
		}
		return nil
	})
	if err = errors.Join(err, scan.Close(ctx)); err != nil {
		return err
	}
	if p.json {
		return p.printValue(records(fields, rows))
	}
	return p.printSample(fields, rows)
}

// eachBatch reads a scan to its end.
func eachBatch(ctx context.Context, scan source.Scan, do func(arrow.RecordBatch) error) error {
	for {
		part, err := scan.Next(ctx)
		if err == io.EOF { //nolint:errorlint // a broken connection may wrap io.EOF, and is no end
			return scan.Verify()
		}
		if err == nil {
			err = part.Read(ctx, do)
		}
		if err != nil {
			return err
		}
	}
}

// records gives each row as an object.
func records(fields []string, rows [][]any) []map[string]any {
	list := []map[string]any{}
	for _, row := range rows {
		record := map[string]any{}
		for i, f := range fields {
			record[f] = row[i]
		}
		list = append(list, record)
	}
	return list
}

// widestCell is how much of a value is shown to people.
const widestCell = 24

func (p *program) printSample(fields []string, rows [][]any) error {
	if len(rows) == 0 {
		return p.remark("no rows")
	}
	lines := make([][]string, len(fields))
	for i, f := range fields {
		lines[i] = append(lines[i], f)
		for _, row := range rows {
			lines[i] = append(lines[i], cell(row[i]))
		}
	}
	return printColumns(p.Stdout, lines)
}

// cell is a value in one line; "-" for none.
func cell(v any) string {
	if v == nil {
		return "-"
	}
	if f, ok := v.(float64); ok { // 350276897.24, as JSON has it, and not 3.5027689724e+08
		v = strconv.FormatFloat(f, 'f', -1, 64)
	}
	return cut(visible(fmt.Sprint(v)), widestCell)
}

// visible puts blanks in the place of what would move the cursor.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
