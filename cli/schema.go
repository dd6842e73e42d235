package cli

import (
	"slices"

	"github.com/urfave/cli/v2"

	"sluice/destination"
	"sluice/pipeline"
)

var (
	contracts = []string{pipeline.Evolve, pipeline.Freeze, pipeline.DiscardValue}
	namings   = []string{"auto", string(destination.Direct), string(destination.SnakeCase)}
)

// schemaFlags say how columns are named and what may change about them.
func schemaFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "schema-contract", Category: category, Usage: "table changes: evolve, freeze, discard_value `CHOICE`", Value: pipeline.Evolve},
		&cli.StringFlag{Name: "schema-naming", Category: category, Usage: "a new table: auto, direct or snake_case `CHOICE`", Value: "auto"},
	}
}

// readSchema fills a job from schemaFlags.
func readSchema(c *cli.Context, j *pipeline.Job) error {
	j.Contract = c.String("schema-contract")
	if !slices.Contains(contracts, j.Contract) {
		return unknownValue("schema-contract", j.Contract, contracts)
	}
	naming := c.String("schema-naming")
	if !slices.Contains(namings, naming) {
		return unknownValue("schema-naming", naming, namings)
	}
	if naming != "auto" {
		j.Naming = destination.Convention(naming)
	}
	return nil
}
