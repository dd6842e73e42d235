package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"sluice/destination"
	"sluice/source/salesforce"
	"sluice/transform"
)

func (p *program) describeCommand() *cli.Command {
	flags := lookFlags(&cli.StringFlag{Name: "source-table", Category: "Flags", Usage: "one of \"sluice tables\", or any object; its name alone will do `NAME`"})
	return &cli.Command{
		Name:      "describe",
		Usage:     "Show the fields of a table, what column each becomes, and what is left out.",
		ArgsUsage: " NAME --source-uri ADDRESS [flags]",
		Description: `COLUMN is the name in a new table; one that exists keeps the names it has. A field
that Salesforce does not list is hidden from this user (field-level security).

` + environmentHelp(flags) + `
EXAMPLES
  sluice describe account
  sluice describe custom:Invoice__c --json

` + exitStatus,
		Flags: flags,
		Action: func(c *cli.Context) error {
			if c.String("source-table") == "" {
				return &usageError{"no table is named", "for example: sluice describe account"}
			}
			p.json = c.Bool("json")
			return p.withOrg(c, func(ctx context.Context, org *salesforce.Source) error {
				d, err := org.Describe(ctx, c.String("source-table"))
				if err != nil {
					return err
				}
				a, err := newDescription(d)
				if err != nil {
					return err
				}
				if p.json {
					return p.printValue(a)
				}
				return p.printDescription(a)
			})
		},
	}
}

// descriptionAnswer is the JSON of "sluice describe". Its names are a promise to
// scripts.
type descriptionAnswer struct {
	Object   string   `json:"object"`
	Label    string   `json:"label"`
	Key      []string `json:"key"`
	Cursor   *string  `json:"cursor"`
	Strategy string   `json:"strategy"`
	// Fields are in the org's order.
	Fields []fieldAnswer `json:"fields"`
}

type fieldAnswer struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Type  string `json:"type"`
	// Column and ColumnType are null for a field that is left out, and Skipped
	// says why.
	Column     *string `json:"column"`
	ColumnType *string `json:"column_type"`
	// Computed is true for formulas and roll-up summaries.
	Computed bool    `json:"computed"`
	Skipped  *string `json:"skipped"`
}

func newDescription(d salesforce.Description) (descriptionAnswer, error) {
	a := descriptionAnswer{
		Object: d.Name(), Label: d.Label, Key: append([]string{}, d.Key()...), Cursor: orNull(d.CursorKey()), Strategy: d.Strategy(),
	}
	var names []string
	for _, f := range d.Schema().Fields() {
		names = append(names, f.Name)
	}
	columns, _, err := destination.Naming{}.Columns(names)
	if err != nil {
		return a, err
	}
	columnOf := map[string]string{}
	for i, name := range names {
		columnOf[name] = columns[i]
	}
	for _, f := range d.Fields {
		field := fieldAnswer{Name: f.Name, Label: f.Label, Type: f.Type, Computed: f.Computed, Skipped: orNull(f.Left)}
		if f.Arrow != nil {
			column, typ := columnOf[f.Name], transform.TypeName(f.Arrow)
			field.Column, field.ColumnType = &column, &typ
		}
		a.Fields = append(a.Fields, field)
	}
	return a, nil
}

func (p *program) printDescription(a descriptionAnswer) error {
	_, err := fmt.Fprintf(p.Stdout, "%s (%s): loaded by %s, key %s, cursor %s\n\n", a.Object, a.Label, a.Strategy, dash(strings.Join(a.Key, ", ")), text(a.Cursor))
	if err != nil {
		return err
	}
	rows := [][]string{{"FIELD", "TYPE", "COLUMN", "COLUMN TYPE", "NOTE"}}
	for _, f := range a.Fields {
		row := []string{f.Name, f.Type, text(f.Column), text(f.ColumnType)}
		switch {
		case f.Skipped != nil:
			row = append(row, "left out: "+*f.Skipped)
		case f.Computed:
			row = append(row, "formula or roll-up: changes without a stamp")
		}
		rows = append(rows, row)
	}
	if err := printColumns(p.Stdout, rows); err != nil {
		return err
	}
	return p.remark("\nA field that is not listed is not there, or hidden from this user (field-level security).")
}
