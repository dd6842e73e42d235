package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// runOverrides are flags of tables that "sluice run" takes, too, for all tables
// of that one run.
var runOverrides = []string{"full-refresh", "reconcile", "force", "refresh-formulas", "backfill-new-columns", "interval-start", "interval-end"}

func (p *program) runCommand() *cli.Command {
	const (
		what   = "What to load"
		how    = "How to load, for this run"
		output = "Output"
	)
	flags := slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "file", Category: what, Usage: "the tables and how each is loaded `FILE`"},
		&cli.StringFlag{Name: "select", Category: what, Usage: "only these tables of the file, by their source-table `NAMES`", DefaultText: "all"},
	}, addressFlags(what), only(windowFlags(how), runOverrides), sharedFlags(how), []cli.Flag{
		&cli.BoolFlag{Name: "plan", Category: how, Usage: "say what would be done, and do nothing"},
		&cli.BoolFlag{Name: "yes", Category: how, Usage: "ask nothing; sluice never asks, so scripts may say it"},
		&cli.BoolFlag{Name: "json-schema", Category: output, Usage: "print the JSON schema of FILE, for editors"},
	}, outputFlags(output))
	return &cli.Command{
		Name:      "run",
		Usage:     "Load the tables that a file lists.",
		ArgsUsage: " FILE [flags]",
		Description: `FILE is YAML. Its keys are flags of sluice ingest: those of the run at the beginning
of a line, those of tables below tables, or below defaults for all of them. Lists
may be written as lists, and ${NAME} is a variable of the environment. A table may
also have a schedule, which is a note for people. The file is checked whole before
anything is done. A flag given here wins over the file, the file over a variable.

  source-uri: ${SLUICE_SOURCE_URI}
  dest-uri: duckdb:///crm.db
  api-budget: 50%
  defaults:
    dest-schema: crm
  tables:
    - account
    - source-table: opportunity
      where: Amount > 0
      mask: {Description: redact}
    - source-table: custom:Invoice__c
      dest-table: billing.invoice
      fields: [Name, Amount__c]
      schedule: every ten minutes

sluice init writes one from an org.

` + environmentHelp(flags) + `
EXAMPLES
  sluice run crm.yaml
  sluice run crm.yaml --select account,opportunity --full-refresh

` + exitStatus,
		Flags: flags,
		Action: func(c *cli.Context) error {
			if c.Bool("json-schema") {
				return p.printValue(p.configSchema())
			}
			return p.runFile(c)
		},
	}
}

// only keeps the flags that are named.
func only(flags []cli.Flag, names []string) []cli.Flag {
	return slices.DeleteFunc(flags, func(f cli.Flag) bool { return !slices.Contains(names, f.Names()[0]) })
}

// fileFlags are the keys of a file: those of the run, and those of a table.
func fileFlags() (shared, table []cli.Flag) {
	shared = slices.Concat(addressFlags(""), sharedFlags(""))
	table = slices.Concat(tableFlags(""), windowFlags(""), schemaFlags(""), columnFlags(""))
	return shared, table
}

// runFile loads the tables of a file.
func (p *program) runFile(c *cli.Context) error {
	p.json = c.Bool("json")
	file, err := p.readConfig(c.String("file"))
	if err != nil {
		return err
	}
	wrong := &configError{path: file.path}
	above := p.override(c, file)
	flags := p.flagsOf(c, wrong, above)
	if err := wrong.err(); err != nil {
		return err
	}
	if err := requiredOf(file.path, flags, "source-uri", "dest-uri"); err != nil {
		return err
	}
	for _, name := range []string{"plan", "json", "progress", "debug", "report", "metrics-file", "openlineage"} {
		if err := flags.Set(name, fmt.Sprint(c.Value(name))); err != nil {
			return err
		}
	}
	tables, err := selected(file, c.String("select"))
	if err != nil {
		return err
	}
	return p.load(c.Context, flags, func(flags *cli.Context) (request, error) {
		r, err := p.parseTables(flags, file, tables, above)
		return r, file.located(err, above)
	})
}

// parseTables checks everything that can be checked before the org is called.
func (p *program) parseTables(c *cli.Context, file config, tables []tableConfig, above values) (request, error) {
	r, s, err := p.newRequest(c)
	if err != nil {
		return r, err
	}
	wrong := &configError{path: file.path}
	var wanted []tableJob
	for _, t := range tables {
		v := maps.Clone(t.values)
		maps.Copy(v, above)
		flags := p.flagsOf(c, wrong, v)
		job, err := p.newJob(flags, r.log)
		if err != nil {
			wrong.add(lineOf(err, v, t.line), err.Error(), hint(err))
		}
		wanted = append(wanted, tableJob{flags, job})
	}
	if err := wrong.err(); err != nil {
		return r, err
	}
	err = p.connect(c, s, &r, wanted)
	return r, err
}

// readConfig reads a file of tables.
func (p *program) readConfig(path string) (config, error) {
	if path == "" {
		return config{}, &usageError{"the file is missing", "for example: sluice run crm.yaml; sluice init crm.yaml writes one from an org"}
	}
	f, err := os.Open(path)
	if err != nil {
		return config{}, &usageError{err.Error(), "sluice init writes a file from an org"}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return config{}, &usageError{err.Error(), "name a file"}
	}
	if len(text) > maxConfig {
		return config{}, &usageError{path + " is larger than a file of tables can be", "name another file"}
	}
	shared, table := fileFlags()
	return parseConfig(path, text, shared, table, p.Getenv)
}

// maxConfig is more bytes than every object of an org takes.
const maxConfig = 4 << 20

// override gives the values that stand above those of tables: what the command
// line says, over what the file says for all tables, over the environment.
func (p *program) override(c *cli.Context, file config) values {
	above := values{}
	shared, _ := fileFlags()
	for _, f := range shared {
		name := f.Names()[0]
		if s, ok := file.shared[name]; ok {
			above[name] = s
		} else if c.IsSet(name) {
			above[name] = setting{fmt.Sprint(c.Value(name)), 0}
		}
	}
	for name := range p.given {
		if f := findFlag(shared, name); f != nil || slices.Contains(runOverrides, name) {
			above[name] = setting{fmt.Sprint(c.Value(name)), 0}
		}
	}
	return above
}

// flagsOf gives values the form of a command line of ingest. What they do not
// fit is wrong with the file.
func (p *program) flagsOf(c *cli.Context, wrong *configError, v values) *cli.Context {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	command := p.ingestCommand()
	for _, f := range command.Flags {
		if err := f.Apply(set); err != nil {
			wrong.add(1, err.Error(), "")
		}
	}
	flags := cli.NewContext(c.App, set, nil)
	flags.Command, flags.Context = command, c.Context
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if err := flags.Set(name, v[name].value); err != nil {
			wrong.add(v[name].line, name+" does not take that value", mendValue(findFlag(command.Flags, name), "see sluice ingest --help"))
		}
	}
	return flags
}

// requiredOf says which settings neither the file nor the command line has.
func requiredOf(path string, c *cli.Context, flags ...string) error {
	for _, f := range flags {
		if c.String(f) == "" {
			return &usageError{path + ": " + f + " is missing", "write it into the file, give --" + f + ", or set $" + variables(f)[0]}
		}
	}
	return nil
}

// selected gives the tables of a file that --select names.
func selected(file config, text string) ([]tableConfig, error) {
	if text == "" {
		return file.tables, nil
	}
	var tables []tableConfig
	var names []string
	for _, t := range file.tables {
		names = append(names, t.values["source-table"].value)
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		found := false
		for i, t := range file.tables {
			if strings.EqualFold(names[i], name) {
				tables, found = append(tables, t), true
			}
		}
		if !found {
			return nil, &usageError{fmt.Sprintf("--select %s: %s has no such table", excerpt(name), file.path), "it has " + strings.Join(names, ", ")}
		}
	}
	return tables, nil
}

// namedFlag finds the flag that an error is about.
var namedFlag = regexp.MustCompile(`^--([a-z-]+)`)

// lineOf is where the value stands that an error is about.
func lineOf(err error, v values, otherwise int) int {
	if m := namedFlag.FindStringSubmatch(err.Error()); m != nil && v[m[1]].line > 0 {
		return v[m[1]].line
	}
	return otherwise
}

// located adds the line to an error that is about a value of the file.
func (f config) located(err error, v values) error {
	var usage *usageError
	if line := 0; err != nil && (errors.As(err, &usage) || exitCode(err) == exitUsage) {
		if line = lineOf(err, v, 0); line > 0 {
			return &configError{f.path, []problem{{line, err.Error(), hint(err)}}}
		}
	}
	return err
}
