package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const programHelp = `sluice copies a Salesforce org into a SQL database: fast, exactly, unattended.

USAGE
  sluice COMMAND [flags]

COMMANDS
  ingest      copy a table, or several
  run         load the tables that a file lists
  init        write a file for run from the objects of an org
  tables      list the tables that are known by name
  check       try both ends without loading anything
  objects     list the objects of an org, and what a full load of each costs
  describe    show the fields of a table, and what is left out
  sample      show some rows of a table
  query       print what a SOQL query gives
  diff        compare a table with the org, and list the rows that differ
  state       show and mend how far each table got
  demo        try it: a made-up org, loaded twice into demo.duckdb
  completion  print what lets a shell complete commands, flags and values
  man         print the manual page
  version     print the version, and those of DuckDB, Arrow and Go

Each command explains itself: sluice ingest --help
`

// exitStatus is part of the help of every command that may fail.
const exitStatus = `EXIT STATUS
  0    done
  1    failed
  2    the command line, an address or a table name is wrong
  3    some of several tables failed
  4    the org refused: login or permission
  5    the destination failed
  6    the org's allowance of API calls is used up
  75   the org is down or throttles: try again later
  130  interrupted
`

// commandHelp writes the help of a command from its flags, in groups, in the
// order they are declared. The library sorts groups by name.
func commandHelp(c *cli.Command, path string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUSAGE\n  %s%s\n", c.Usage, path, c.ArgsUsage)
	group := ""
	for _, f := range c.Flags {
		g := f.(cli.CategorizableFlag).GetCategory()
		if g != group {
			fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(g))
			group = g
		}
		b.WriteString(flagHelp(f))
	}
	if c.Description != "" {
		b.WriteString("\n" + c.Description)
	}
	return b.String()
}

// groupHelp writes the help of a command that only has commands.
func groupHelp(c *cli.Command, path string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUSAGE\n  %s COMMAND [flags]\n\nCOMMANDS\n", c.Usage, path)
	for _, sub := range c.Subcommands {
		fmt.Fprintf(&b, "  %-9s  %s\n", sub.Name, sub.Usage)
	}
	return b.String()
}

// flagHelp is one line: the flag, its value's name, what it does and its default.
func flagHelp(f cli.Flag) string {
	meaning, value := flagWords(f)
	head := spelled(f)
	if value != "" {
		head += " " + value
	}
	line := fmt.Sprintf("  %-28s  %s", head, meaning)
	if d := defaultOf(f); d != "" {
		line += " (default " + d + ")"
	}
	return line + "\n"
}

// spelled is how a flag is written: "-q, --quiet".
func spelled(f cli.Flag) string {
	head := "--" + f.Names()[0]
	for _, short := range f.Names()[1:] {
		head = "-" + short + ", " + head
	}
	return head
}

// flagWords takes a flag's usage apart: what it does, and the name of its value
// (in back quotes in the usage), which is empty for a switch.
func flagWords(f cli.Flag) (meaning, value string) {
	doc := f.(cli.DocGenerationFlag)
	before, rest, _ := strings.Cut(doc.GetUsage(), "`")
	value, after, named := strings.Cut(rest, "`")
	if !named || !doc.TakesValue() {
		value = ""
	}
	return strings.TrimSpace(before + after), value
}

// defaultOf is what a flag is when it is not given; empty for switches, and
// where that says nothing.
func defaultOf(f cli.Flag) string {
	doc := f.(cli.DocGenerationFlag)
	if !doc.TakesValue() {
		return ""
	}
	text := strings.Trim(doc.GetDefaultText(), `"`)
	if _, ok := f.(*cli.DurationFlag); ok && strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s") // 10m0s
	}
	return text
}

// environmentHelp lists the variables of flags.
func environmentHelp(flags []cli.Flag) string {
	var b strings.Builder
	b.WriteString("ENVIRONMENT\n  A flag that is not given is read from its variable. Passwords belong there, not\n  in a command line that others on the machine can list.\n")
	if slices.ContainsFunc(flags, func(f cli.Flag) bool { return len(allVariables(f.Names()[0])) > 1 }) {
		b.WriteString("  Names that ingestr reads with the prefix INGESTR_ are read, too.\n")
	}
	for _, f := range flags {
		name := f.Names()[0]
		fmt.Fprintf(&b, "  %-28s  $%s\n", "--"+name, strings.Join(variables(name), ", $"))
	}
	return b.String()
}
