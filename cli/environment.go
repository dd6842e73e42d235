package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// ingestrEnvironment has the flags of ingestr that mean the same here, and the
// variables it reads for them, without the prefix INGESTR_. DEBUG, PROGRESS and
// MASK are not among them: they may be meant for some other program.
var ingestrEnvironment = map[string][]string{
	"source-uri":           {"SOURCE_URI"},
	"source-table":         {"SOURCE_TABLE"},
	"dest-uri":             {"DEST_URI", "DESTINATION_URI"},
	"dest-table":           {"DEST_TABLE", "DESTINATION_TABLE"},
	"incremental-strategy": {"INCREMENTAL_STRATEGY"},
	"incremental-key":      {"INCREMENTAL_KEY"},
	"primary-key":          {"PRIMARY_KEY"},
	"interval-start":       {"INTERVAL_START"},
	"interval-end":         {"INTERVAL_END"},
	"full-refresh":         {"FULL_REFRESH"},
	"schema-contract":      {"SCHEMA_CONTRACT"},
	"schema-naming":        {"SCHEMA_NAMING"},
	"sql-limit":            {"SQL_LIMIT"},
	"sql-exclude-columns":  {"SQL_EXCLUDE_COLUMNS"},
	"trim-whitespace":      {"TRIM_WHITESPACE"},
	"no-load-timestamp":    {"NO_LOAD_TIMESTAMP"},
	"extract-parallelism":  {"EXTRACT_PARALLELISM"},
}

// variables lists the environment variables of a flag that the help tells, the
// one that wins first.
func variables(flag string) []string {
	return append([]string{"SLUICE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}, ingestrEnvironment[flag]...)
}

// allVariables are those and the ones with ingestr's prefix.
func allVariables(flag string) []string {
	all := variables(flag)
	for _, name := range ingestrEnvironment[flag] {
		all = append(all, "INGESTR_"+name)
	}
	if flag == "columns" || flag == "mask" || flag == "debug" || flag == "progress" {
		all = append(all, "INGESTR_"+strings.ToUpper(flag))
	}
	return all
}

// fillFromEnvironment sets the flags that were not given from their variables.
// An empty variable counts as none, as in a compose file that passes all on.
// The library could read them, but takes an empty one for a value and quotes
// what it cannot parse.
func (p *program) fillFromEnvironment(c *cli.Context, flags []cli.Flag) error {
	for _, f := range flags {
		name := f.Names()[0]
		if name == "help" || c.IsSet(name) {
			continue
		}
		for _, variable := range allVariables(name) {
			value := p.Getenv(variable)
			if value == "" {
				continue
			}
			if err := c.Set(name, value); err != nil {
				return &usageError{
					fmt.Sprintf("the environment variable %s does not fit --%s", variable, name),
					"see sluice " + c.Command.Name + " --help",
				}
			}
			break
		}
	}
	return nil
}

func parseBool(s string) (bool, error) {
	if s == "" {
		return false, nil
	}
	return strconv.ParseBool(s)
}
