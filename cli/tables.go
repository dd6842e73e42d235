package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

func (p *program) tablesCommand() *cli.Command {
	flags := []cli.Flag{&cli.BoolFlag{Name: "json", Category: "Flags", Usage: "as JSON on stdout"}}
	return &cli.Command{
		Name:      "tables",
		Usage:     "List the tables that are known by name.",
		ArgsUsage: " [flags]",
		Description: `Any other object of the org goes by its own name (Account, My__c, custom:My__c).
CURSOR last_timestamp is the field SystemModstamp.

` + environmentHelp(flags),
		Flags: flags,
		Action: func(c *cli.Context) error {
			if c.Bool("json") {
				return p.printTablesJSON()
			}
			return p.printTables()
		},
	}
}

// knownTable is a table of "sluice tables --json". Its names are a promise to
// scripts.
type knownTable struct {
	Name        string  `json:"name"`
	Object      string  `json:"object"`
	Key         *string `json:"key"`
	Cursor      *string `json:"cursor"`
	Strategy    string  `json:"strategy"`
	Description string  `json:"description"`
}

func (p *program) printTablesJSON() error {
	list := []knownTable{}
	for _, t := range p.catalog.Tables() {
		list = append(list, knownTable{t.Name, t.Object, orNull(t.Key), orNull(t.CursorKey), t.Strategy, t.Description})
	}
	return p.printValue(list)
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
