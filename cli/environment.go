package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// plainEnvironment lists the flags whose variable also works without SLUICE_.
// Others do not: DEBUG or JSON may be meant for some other program.
var plainEnvironment = map[string]bool{
	"source-uri":           true,
	"source-table":         true,
	"dest-uri":             true,
	"dest-table":           true,
	"incremental-strategy": true,
}

// variables lists the environment variables of a flag, the one that wins
// first.
func variables(flag string) []string {
	name := strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	if plainEnvironment[flag] {
		return []string{"SLUICE_" + name, name}
	}
	return []string{"SLUICE_" + name}
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
		for _, variable := range variables(name) {
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
