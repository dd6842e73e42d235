package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

func (p *program) tablesCommand() *cli.Command {
	return &cli.Command{
		Name:  "tables",
		Usage: "List the tables that are known by name.",
		Description: `Any other object of the org goes by its own name (Account, My__c, custom:My__c).
CURSOR last_timestamp is the field SystemModstamp.
`,
		Action: func(*cli.Context) error { return p.printTables() },
	}
}

func (p *program) printTables() error {
	rows := [][]string{{"NAME", "OBJECT", "KEY", "CURSOR", "STRATEGY", "DESCRIPTION"}}
	for _, t := range p.catalog.Tables() {
		rows = append(rows, []string{t.Name, t.Object, dash(t.Key), dash(t.CursorKey), t.Strategy, t.Description})
	}
	return printColumns(p.Stdout, rows)
}

// printColumns aligns the cells of rows.
func printColumns(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
