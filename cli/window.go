package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sluice/pipeline"
)

var deletedChoices = []string{pipeline.RemoveDeleted, pipeline.KeepDeleted, pipeline.IgnoreDeleted}

// windowFlags say which rows are read and what becomes of those that the table
// has.
func windowFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "incremental-strategy", Category: category, Usage: "replace, append, merge or delete+insert `NAME`", DefaultText: "the table's own"},
		&cli.StringFlag{Name: "incremental-key", Category: category, Usage: "the field that tells when a row changed `FIELD`", DefaultText: "the table's own"},
		&cli.StringSliceFlag{Name: "primary-key", Category: category, Usage: "the fields that identify a row: A,B `FIELDS`", DefaultText: "the table's own"},
		&cli.StringFlag{Name: "interval-start", Category: category, Usage: "read again from here: 2026-03-01 or 2026-03-01T08:00:00Z `TIME`"},
		&cli.StringFlag{Name: "interval-end", Category: category, Usage: "read again up to here, exclusive: 2026-04-01 is March's end `TIME`"},
		&cli.DurationFlag{Name: "lookback", Category: category, Usage: "begin that much before the cursor, for late commits `TIME`", Value: pipeline.DefaultLookback},
		&cli.BoolFlag{Name: "full-refresh", Category: category, Usage: "read everything and start the state over"},
		&cli.BoolFlag{Name: "reconcile", Category: category, Usage: "compare all Ids, and remove the rows that the org no longer has"},
		&cli.BoolFlag{Name: "force", Category: category, Usage: "let --reconcile remove more than a tenth of the table"},
		&cli.BoolFlag{Name: "refresh-formulas", Category: category, Usage: "bring formulas and roll-ups of all rows up to date"},
		&cli.BoolFlag{Name: "backfill-new-columns", Category: category, Usage: "fill added columns in rows that have not changed since"},
		&cli.StringFlag{Name: "deleted", Category: category, Usage: "rows that the org deleted: remove, keep or ignore `CHOICE`", Value: pipeline.RemoveDeleted},
	}
}

// readWindow fills a job from windowFlags.
func readWindow(c *cli.Context, j *pipeline.Job) (err error) {
	j.Strategy, j.CursorKey, j.FullRefresh, j.Deleted = c.String("incremental-strategy"), c.String("incremental-key"), c.Bool("full-refresh"), c.String("deleted")
	if j.Strategy != "" && !slices.Contains(strategies, j.Strategy) {
		return unknownValue("incremental-strategy", j.Strategy, strategies)
	}
	if !slices.Contains(deletedChoices, j.Deleted) {
		return unknownValue("deleted", j.Deleted, deletedChoices)
	}
	j.Reconcile, j.Force = c.Bool("reconcile"), c.Bool("force")
	j.RefreshFormulas, j.BackfillNewColumns = c.Bool("refresh-formulas"), c.Bool("backfill-new-columns")
	if j.Force && !j.Reconcile {
		return &usageError{"--force goes with --reconcile", "leave it out, or add --reconcile"}
	}
	j.Key = keysOf(c)
	j.Lookback = c.Duration("lookback")
	switch {
	case j.Lookback < 0:
		return &usageError{fmt.Sprintf("--lookback %s is negative", j.Lookback), "use 0s or more"}
	case j.Lookback == 0:
		j.Lookback = -1
	}
	if j.From, err = readTime(c, "interval-start"); err != nil {
		return err
	}
	j.To, err = readTime(c, "interval-end")
	return err
}

// keysOf are the fields that --primary-key names.
func keysOf(c *cli.Context) (keys []string) {
	if text := strings.Join(c.StringSlice("primary-key"), ","); text != "" {
		for key := range strings.SplitSeq(text, ",") {
			keys = append(keys, strings.TrimSpace(key))
		}
	}
	return keys
}

// readTime reads a moment in one of the forms that people write. Without a zone
// it is UTC.
func readTime(c *cli.Context, flag string) (time.Time, error) {
	text := c.String(flag)
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, &usageError{fmt.Sprintf("--%s %q is no time", flag, text), "write it like 2026-03-01 (midnight UTC) or 2026-03-01T08:00:00Z"}
}
