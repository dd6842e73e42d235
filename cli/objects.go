package cli

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"sluice/source/salesforce"
)

func (p *program) objectsCommand() *cli.Command {
	flags := lookFlags(
		&cli.StringFlag{Name: "match", Category: "Flags", Usage: "objects whose name fits alone, in any case: *__c, Opp* `GLOB`"},
		&cli.BoolFlag{Name: "all", Category: "Flags", Usage: "also objects without rows, and those that cannot be loaded"},
	)
	return &cli.Command{
		Name:      "objects",
		Usage:     "List the objects of an org, their rows, and what a full load would cost.",
		ArgsUsage: " --source-uri ADDRESS [flags]",
		Description: `ROWS is what the org counted last. CURSOR is the field that changed rows are most
likely found by; sluice describe is sure. API and CALLS are what a full load would
go by and about how many calls it would take; objects of many fields take more.
The list itself takes one call and one for some 180 objects.

` + environmentHelp(flags) + `
EXAMPLES
  sluice objects
  sluice objects --match '*__c' --json

` + exitStatus,
		Flags: flags,
		Action: func(c *cli.Context) error {
			if _, err := path.Match(c.String("match"), ""); err != nil {
				return &usageError{fmt.Sprintf("--match %q is no pattern", c.String("match")), "* is any text, ? one character: 'Opp*'"}
			}
			p.json = c.Bool("json")
			return p.withOrg(c, func(ctx context.Context, org *salesforce.Source) error { return p.listObjects(ctx, c, org) })
		},
	}
}

// objectAnswer is one object in the JSON of "sluice objects". Its names are a
// promise to scripts.
type objectAnswer struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	// Table is the name that tables.yaml gives the object; null when it has
	// none.
	Table *string `json:"table"`
	// Rows is null when the org does not count them.
	Rows   *int64  `json:"rows"`
	Cursor *string `json:"cursor"`
	API    *string `json:"api"`
	Calls  *int64  `json:"calls"`
	// Skipped is why the object cannot be loaded; null when it can.
	Skipped *string `json:"skipped"`
}

func (p *program) listObjects(ctx context.Context, c *cli.Context, org *salesforce.Source) error {
	list, err := org.Objects(ctx)
	if err != nil {
		return err
	}
	var names []string
	fits := list[:0]
	for _, o := range list {
		ok, _ := path.Match(strings.ToLower(c.String("match")), strings.ToLower(o.Name)) // checked before
		if c.String("match") != "" && !ok {
			continue
		}
		fits = append(fits, o)
		if o.Skip == "" {
			names = append(names, o.Name)
		}
	}
	counts, err := org.Counts(ctx, names)
	if err != nil {
		return err
	}
	answers := []objectAnswer{}
	for _, o := range fits {
		a := objectAnswer{Name: o.Name, Label: o.Label, Table: orNull(o.Table), Cursor: orNull(o.Cursor), Skipped: orNull(o.Skip)}
		rows, counted := counts[o.Name]
		if counted {
			api, calls := org.Cost(rows)
			a.Rows, a.API, a.Calls = &rows, &api, &calls
		}
		if o.Skip != "" {
			a.Cursor = nil
		}
		if c.Bool("all") || o.Skip == "" && (!counted || rows > 0) {
			answers = append(answers, a)
		}
	}
	if p.json {
		return p.printValue(answers)
	}
	return p.printObjects(answers, len(fits)-len(answers))
}

func (p *program) printObjects(list []objectAnswer, hidden int) error {
	rows := [][]string{{"NAME", "LABEL", "TABLE", "ROWS", "CURSOR", "API", "CALLS"}}
	for _, o := range list {
		if o.Skipped != nil {
			rows = append(rows, []string{o.Name, o.Label, "-", "-", "-", "-", "- " + *o.Skipped})
			continue
		}
		rows = append(rows, []string{o.Name, o.Label, text(o.Table), number(o.Rows), text(o.Cursor), text(o.API), number(o.Calls)})
	}
	if err := printColumns(p.Stdout, rows); err != nil {
		return err
	}
	if hidden == 0 {
		return nil
	}
	return p.remark("%s without rows or that cannot be loaded: --all shows them", plural(int64(hidden), "object"))
}

// text and number are cells for what may be unknown.
func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func number(n *int64) string {
	if n == nil {
		return "-"
	}
	return count(*n)
}
