package cli

import "github.com/urfave/cli/v2"

// choices are the values of a flag that takes one of a few; none for others.
// Completion offers them.
func (p *program) choices(flag string) []string {
	switch flag {
	case "source-table":
		var names []string
		for _, t := range p.catalog.Tables() {
			names = append(names, t.Name)
		}
		return append(names, "all")
	case "incremental-strategy":
		return strategies
	case "deleted":
		return deletedChoices
	case "schema-contract":
		return contracts
	case "schema-naming":
		return namings
	case "nul":
		return nulChoices
	case "format":
		return queryFormats
	case "progress":
		return progressKinds
	}
	return nil
}

var (
	nulChoices    = []string{"error", "strip"}
	queryFormats  = []string{"table", "csv", "json", "jsonl", "parquet"}
	progressKinds = []string{"auto", "interactive", "log", "none"}
)

// leaf is a command that does something, by the words that call it after the
// program's name: "ingest", "state list".
type leaf struct {
	path string
	*cli.Command
}

// leaves are all commands that do something, in the order of the help.
func leaves(commands []*cli.Command, before string) (all []leaf) {
	for _, c := range commands {
		if len(c.Subcommands) > 0 {
			all = append(all, leaves(c.Subcommands, before+c.Name+" ")...)
			continue
		}
		all = append(all, leaf{before + c.Name, c})
	}
	return all
}
