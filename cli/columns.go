package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"sluice/pipeline"
	"sluice/transform"
)

// columnFlags say which rows and fields are read, and how values are changed on
// their way.
func columnFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "where", Category: category, Usage: "only rows for which that holds in the org: \"Type = 'Customer'\" `SOQL`"},
		&cli.IntFlag{Name: "sql-limit", Category: category, Usage: "at most that many rows, whichever come first `N`", DefaultText: "all"},
		&cli.StringFlag{Name: "fields", Category: category, Usage: "only these fields: Name,Amount `FIELDS`", DefaultText: "all"},
		&cli.StringSliceFlag{Name: "sql-exclude-columns", Category: category, Usage: "all fields but these `FIELDS`"},
		&cli.StringSliceFlag{Name: "columns", Category: category, Usage: "types and names: 'amount:decimal(18,2),title::Name' `COLUMNS`"},
		&cli.StringSliceFlag{Name: "mask", Category: category, Usage: "hide values: 'email:hash,phone:partial:3' `MASKS`"},
		&cli.BoolFlag{Name: "trim-whitespace", Category: category, Usage: "remove blanks around texts"},
		&cli.BoolFlag{Name: "no-load-timestamp", Category: category, Usage: "make no column " + transform.LoadedAt + " in new tables"},
	}
}

// readColumns fills a job from columnFlags.
func (p *program) readColumns(c *cli.Context, j *pipeline.Job) (err error) {
	j.Where, j.Limit = strings.TrimSpace(c.String("where")), int64(c.Int("sql-limit"))
	if j.Limit < 0 || j.Limit == 0 && c.IsSet("sql-limit") {
		return &usageError{fmt.Sprintf("--sql-limit %d is out of range", j.Limit), "use 1 or more, or leave it out"}
	}
	t := &j.Transform
	t.Getenv, t.Trim, j.LoadTimestamp = p.Getenv, c.Bool("trim-whitespace"), !c.Bool("no-load-timestamp")
	if text := c.String("fields"); text != "" {
		if t.Fields, err = transform.ParseFields(text); err != nil {
			return fmt.Errorf("--fields: %w", err)
		}
	}
	if text := strings.Join(c.StringSlice("sql-exclude-columns"), ","); text != "" {
		if t.Exclude, err = transform.ParseFields(text); err != nil {
			return fmt.Errorf("--sql-exclude-columns: %w", err)
		}
	}
	if text := strings.Join(c.StringSlice("columns"), ","); text != "" {
		if t.Columns, err = transform.ParseColumns(text); err != nil {
			return err
		}
	}
	if text := strings.Join(c.StringSlice("mask"), ","); text != "" {
		t.Masks, err = transform.ParseMasks(text)
	}
	return err
}
