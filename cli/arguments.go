package cli

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// checkArguments refuses what the library would drop without a word: stray
// arguments (and every flag after one), the first of two values, empty values.
// It never shows an argument, which may be a piece of a badly quoted address.
// The names of the flags that are there come back.
func checkArguments(command *cli.Command, args []string) (seen map[string]bool, err error) {
	seen = map[string]bool{}
	last := "sluice " + command.Name
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if !strings.HasPrefix(arg, "-") || arg == "-" || arg == "--" {
			return nil, &usageError{
				fmt.Sprintf("sluice %s takes flags only, but something else stands after %s", command.Name, last),
				"name a table by --source-table, and quote an address that holds & or blanks: --source-uri 'salesforce://?…'",
			}
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !hasValue && takesValue(command.Flags, name) && len(args) > 0 {
			value, hasValue, args = args[0], true, args[1:]
		}
		if f := findFlag(command.Flags, name); f != nil {
			name = f.Names()[0] // of its spellings
		}
		last = "--" + name
		if _, repeats := findFlag(command.Flags, name).(*cli.StringSliceFlag); seen[name] && !repeats {
			return nil, &usageError{last + " is given twice", "give it once"}
		}
		if hasValue && value == "" {
			return nil, &usageError{last + " is empty", "give it a value, or leave it out"}
		}
		seen[name] = true
	}
	return seen, nil
}

func takesValue(flags []cli.Flag, name string) bool {
	f, ok := findFlag(flags, name).(cli.DocGenerationFlag)
	return ok && f.TakesValue()
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}

// flagError says in our words what package flag found wrong with a flag.
func flagError(err error, command string, flags []cli.Flag) error {
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return unknownFlag(strings.TrimLeft(name, "-"), command, flags)
	}
	help := "see " + command + " --help"
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return &usageError{"--" + strings.TrimLeft(name, "-") + " needs a value", help}
	}
	if names, ok := strings.CutPrefix(text, "Cannot use two forms of the same flag: "); ok {
		name, _, _ := strings.Cut(names, " ")
		if f := findFlag(flags, name); f != nil {
			name = f.Names()[0]
		}
		return &usageError{"--" + name + " is given twice", "give it once"}
	}
	if m := badValue.FindStringSubmatch(text); m != nil {
		return &usageError{"--" + m[1] + " does not take that value", mendValue(findFlag(flags, m[1]), help)}
	}
	return &usageError{"the flags make no sense", help}
}

// mendValue says how a value of a flag is written.
func mendValue(f cli.Flag, help string) string {
	switch f.(type) {
	case *cli.DurationFlag:
		return "write it with its unit, like 90s, 10m or 1h30m; " + help
	case *cli.IntFlag:
		return "write a whole number; " + help
	case *cli.BoolFlag:
		return "write true or false; " + help
	}
	return help
}

// badValue finds the flag in what package flag says about a value, which may
// be a secret that went to the wrong flag.
var badValue = regexp.MustCompile(`for (?:flag )?-+([a-z-]+): [a-z ]+$`)

func unknownFlag(name, command string, flags []cli.Flag) error {
	if why := foreignFlags[name]; why != "" {
		return &usageError{"sluice has no flag --" + name + ": " + why, "leave it out"}
	}
	text := command + " has no such flag"
	if plainName(name) {
		text = fmt.Sprintf("%s has no flag --%s", command, name)
	}
	return &usageError{text, nearest(name, flags) + command + " --help lists all"}
}

// foreignFlags are flags of ingestr that mean nothing here, and why.
var foreignFlags = map[string]string{
	"incremental-predicate":      "a merge finds its rows by their key alone",
	"loader-file-format":         "rows go to the database without a file in between",
	"loader-file-size":           "rows go to the database without a file in between",
	"sql-backend":                "the source is no SQL database",
	"sql-reflection-level":       "the source is no SQL database, and its schema is always read whole",
	"pipelines-dir":              "nothing is kept on this machine but the database; see --state-uri",
	"extract-partition-by":       "the org parts its results by itself",
	"extract-partition-interval": "the org parts its results by itself",
	"partition-by":               "neither DuckDB nor PostgreSQL tables are made with partitions",
	"cluster-by":                 "neither DuckDB nor PostgreSQL tables are clustered",
	"staging-bucket":             "rows are staged in the database itself",
	"staging-dataset":            "rows are staged beside their table",
	"page-size":                  "the org decides how many rows a page has",
	"no-inference":               "types come from the org's describe, never from values",
	"interactive":                "sluice never asks",
	"stream":                     "the org is asked, it does not send; run sluice as often as you like",
	"flush-interval":             "each load is committed once, at its end",
	"flush-records":              "each load is committed once, at its end",
	"metrics-addr":               "a run ends and serves nothing",
	"query-annotations":          "DuckDB and PostgreSQL keep no costs by query",
	"disable-prestaging":         "rows are staged in the database itself",
}

// unknownValue refuses a value of a flag that takes one of a few.
func unknownValue(flag, value string, choices []string) error {
	text := fmt.Sprintf("--%s %q is unknown", flag, value)
	if why := foreignValues[flag+" "+value]; why != "" {
		text = "sluice has no --" + flag + " " + value + ": " + why
	}
	return &usageError{text, "use " + strings.Join(choices, ", ")}
}

// foreignValues are those of ingestr for flags that are here, and why not.
var foreignValues = map[string]string{
	"incremental-strategy scd2":            "it keeps no old versions of rows",
	"incremental-strategy truncate+insert": "readers would find the table empty; replace does the same without that",
	"incremental-strategy none":            "a load without one is none",
	"schema-contract discard_row":          "it would lose rows",
}

// plainName says whether an argument looks like a mistyped name rather than
// like a piece of an address.
func plainName(s string) bool {
	return len(s) <= 30 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-_") == ""
}

// nearest names the flag that was perhaps meant.
func nearest(name string, flags []cli.Flag) string {
	if len(flags) <= 1 { // --help alone
		return ""
	}
	return "the nearest is " + cli.SuggestFlag(flags, name, true) + "; "
}

// wantsJSON says whether the command line asks for JSON, also one that cannot
// be parsed: then the error is wanted as JSON, too.
func wantsJSON(args []string, getenv func(string) string) bool {
	for _, arg := range args {
		switch arg {
		case "--json", "-json", "--json=true", "-json=true":
			return true
		case "--json=false", "-json=false":
			return false
		}
	}
	if len(args) < 2 || args[1] != "ingest" && args[1] != "run" {
		return false
	}
	on, err := parseBool(getenv("SLUICE_JSON"))
	return err == nil && on
}
