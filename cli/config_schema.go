package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// configSchema describes the files of "sluice run" to editors (JSON Schema,
// 2020-12).
func (p *program) configSchema() map[string]any {
	shared, table := fileFlags()
	tableSchema := p.properties(table)
	tableSchema["schedule"] = map[string]any{"type": "string", "description": "when it runs, as a note for people"}
	defaults := p.properties(table)
	delete(defaults, "source-table")
	root := p.properties(shared)
	root["defaults"] = map[string]any{"type": "object", "description": "for all tables that do not say otherwise", "properties": defaults, "additionalProperties": false}
	root["tables"] = map[string]any{
		"type": "array", "minItems": 1, "description": "the tables to load, side by side",
		"items": map[string]any{"anyOf": []any{
			map[string]any{"type": "string", "description": "a table by its name: account, custom:My__c"},
			map[string]any{"type": "object", "properties": tableSchema, "required": []string{"source-table"}, "additionalProperties": false},
		}},
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "tables for sluice run",
		"type": "object", "properties": root, "required": []string{"tables"}, "additionalProperties": false,
	}
}

func (p *program) properties(flags []cli.Flag) map[string]any {
	all := map[string]any{}
	for _, f := range flags {
		name := f.Names()[0]
		meaning, value := flagWords(f)
		one := map[string]any{"type": "string"}
		switch f.(type) {
		case *cli.BoolFlag:
			one = map[string]any{"type": "boolean"}
		case *cli.IntFlag:
			one = map[string]any{"type": "integer"}
		case *cli.DurationFlag:
			one["pattern"] = "^([0-9.]+(h|m|s|ms))+$"
		case *cli.StringSliceFlag:
			one = map[string]any{"type": []string{"string", "array", "object"}}
		}
		if name == "api-budget" {
			one["type"] = []string{"string", "integer"}
		}
		if strings.HasSuffix(value, "FIELDS") {
			one["type"] = []string{"string", "array"}
		}
		if c := p.choices(name); len(c) > 0 && name != "source-table" {
			one["enum"] = c
		}
		one["description"] = meaning
		all[name] = one
	}
	return all
}
