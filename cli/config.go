package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"

	"sluice/destination"
)

// config is a file for "sluice run": what all tables share, and the tables.
// Its keys are flags of ingest, without the dashes.
type config struct {
	path   string
	shared values
	tables []tableConfig
}

// tableConfig is one entry of tables, over the defaults of the file.
type tableConfig struct {
	values
	line int
}

// fill takes over the defaults that the table does not have itself.
func (t tableConfig) fill(defaults values) {
	name, err := destination.ParseTableName(t.values["dest-table"].value, "")
	for key, s := range defaults {
		_, own := t.values[key]
		if key == "dest-schema" {
			own = own || err == nil && name.Schema != ""
		}
		if !own {
			t.values[key] = s
		}
	}
}

// setting is a value as it would stand on a command line, and where it was
// found.
type setting struct {
	value string
	line  int
}

type values map[string]setting

// configError lists all that is wrong with a file.
type configError struct {
	path     string
	problems []problem
}

type problem struct {
	line int
	text string
	mend string
}

func (e *configError) Error() string {
	var lines []string
	for _, p := range e.problems {
		lines = append(lines, fmt.Sprintf("%s:%d: %s", e.path, p.line, p.text))
	}
	return strings.Join(lines, "\n")
}

// Hint is that of the first problem that has one.
func (e *configError) Hint() string {
	for _, p := range e.problems {
		if p.mend != "" {
			return p.mend
		}
	}
	return "sluice run --json-schema prints what an editor needs to check the file while you write it"
}

func (e *configError) add(line int, text, mend string) {
	e.problems = append(e.problems, problem{line, text, mend})
}

// err is nil when nothing is wrong.
func (e *configError) err() error {
	if len(e.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(e.problems, func(a, b problem) int { return a.line - b.line })
	return e
}

// configParser reads a file.
type configParser struct {
	wrong  *configError
	getenv func(string) string
	shared []cli.Flag // keys of the file itself
	table  []cli.Flag // keys of a table, and of the defaults
}

// parseConfig reads the text of a file. It finds all that is wrong with it but
// the values, which their flags check.
func parseConfig(path string, text []byte, shared, table []cli.Flag, getenv func(string) string) (config, error) {
	p := &configParser{&configError{path: path}, getenv, shared, table}
	c := config{path: path, shared: values{}}
	var document yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return c, syntaxError(path, text, err)
	}
	if len(document.Content) == 0 {
		p.wrong.add(1, "the file is empty", "sluice init writes a file to begin with")
		return c, p.wrong.err()
	}
	if dec.Decode(new(yaml.Node)) == nil {
		p.wrong.add(1, "the file holds more than one document", "")
	}
	defaults := values{}
	p.mapping(document.Content[0], "the file", func(key string, k, v *yaml.Node) {
		switch key {
		case "defaults":
			p.tableValues(v, defaults)
		case "tables":
			c.tables = p.tables(v)
		default:
			p.set(c.shared, p.shared, []string{"defaults", "tables"}, k, v)
		}
	})
	if _, named := defaults["source-table"]; named {
		p.wrong.add(defaults["source-table"].line, "defaults name no table", "")
	}
	if len(c.tables) == 0 && len(p.wrong.problems) == 0 {
		p.wrong.add(1, "no tables are listed", "write them below tables:, each behind a dash")
	}
	for i := range c.tables {
		c.tables[i].fill(defaults)
	}
	return c, p.wrong.err()
}

// syntaxError is the error for a text that is no YAML.
func syntaxError(path string, text []byte, err error) error {
	what, mend := strings.TrimPrefix(err.Error(), "yaml: "), "sluice init writes a file to begin with"
	if indentedByTab.Match(text) {
		mend = "YAML is indented by blanks, and there is a tab in front of a line"
	}
	if m := syntaxLine.FindStringSubmatch(what); m != nil {
		return &usageError{path + ":" + m[1] + ": " + m[2], mend}
	}
	return &usageError{path + ": " + what, mend}
}

var (
	syntaxLine    = regexp.MustCompile(`^line (\d+): (.*)`)
	indentedByTab = regexp.MustCompile(`(?m)^ *\t`)
)

// mapping calls do for each pair of a mapping, and refuses keys that come twice.
func (p *configParser) mapping(n *yaml.Node, what string, do func(key string, k, v *yaml.Node)) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		p.wrong.add(n.Line, what+" takes keys with values, like where: \"Type = 'Customer'\"", "")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if seen[k.Value] {
			p.wrong.add(k.Line, k.Value+" is given twice", "")
			continue
		}
		seen[k.Value] = true
		do(k.Value, k, v)
	}
}

func (p *configParser) tables(n *yaml.Node) (tables []tableConfig) {
	if n.Kind != yaml.SequenceNode {
		p.wrong.add(n.Line, "tables takes a list: each table behind a dash", "")
		return nil
	}
	for _, item := range n.Content {
		t := tableConfig{values{}, item.Line}
		if item.Kind == yaml.ScalarNode {
			t.values["source-table"] = setting{p.expand(item), item.Line}
		} else {
			p.tableValues(item, t.values)
		}
		if t.values["source-table"].value == "" {
			p.wrong.add(item.Line, "source-table is missing", "")
			continue
		}
		tables = append(tables, t)
	}
	return tables
}

func (p *configParser) tableValues(n *yaml.Node, into values) {
	p.mapping(n, "a table", func(key string, k, v *yaml.Node) {
		if key != "schedule" { // words for people
			p.set(into, p.table, []string{"schedule"}, k, v)
		}
	})
}

// set notes a value of a flag.
func (p *configParser) set(into values, flags []cli.Flag, more []string, k, v *yaml.Node) {
	name := k.Value
	flag := findFlag(flags, name)
	if flag == nil {
		var names []string
		for _, f := range flags {
			names = append(names, f.Names()[0])
		}
		names = slices.Sorted(slices.Values(append(names, more...)))
		mend := "the nearest is " + strings.TrimPrefix(cli.SuggestFlag(flags, name, true), "--") + "; keys that stand here are " + strings.Join(names, ", ")
		switch {
		case findFlag(p.shared, name) != nil:
			mend = name + " is for all tables: it stands at the beginning of a line"
		case findFlag(p.table, name) != nil:
			mend = name + " is for a table: it stands below tables, or below defaults for all of them"
		}
		p.wrong.add(k.Line, fmt.Sprintf("%q is no key that can stand here", excerpt(name)), mend)
		return
	}
	if v.Kind == yaml.AliasNode {
		v = v.Alias
	}
	if v.Kind != yaml.ScalarNode && !takesList(flag) {
		p.wrong.add(v.Line, name+" takes one value", "write it behind the colon, on the same line")
		return
	}
	value, ok := p.value(v)
	if !ok {
		return
	}
	if value == "" {
		p.wrong.add(v.Line, name+" is empty", "")
		return
	}
	into[name] = setting{value, v.Line}
}

// takesList says whether a flag takes several values, joined by commas.
func takesList(f cli.Flag) bool {
	_, repeats := f.(*cli.StringSliceFlag)
	_, value := flagWords(f)
	return repeats || strings.HasSuffix(value, "FIELDS") || value == "NAMES"
}

// value writes a value as it would stand on a command line: a list with commas,
// pairs with colons.
func (p *configParser) value(v *yaml.Node) (string, bool) {
	var parts []string
	switch v.Kind {
	default:
		p.wrong.add(v.Line, "a value is expected here", "")
		return "", false
	case yaml.ScalarNode:
		if v.Tag == "!!null" {
			return "", true
		}
		return p.expand(v), true
	case yaml.SequenceNode:
		for _, item := range v.Content {
			if item.Kind != yaml.ScalarNode {
				p.wrong.add(item.Line, "a list holds values, no lists of its own", "")
				return "", false
			}
			parts = append(parts, p.expand(item))
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.Content); i += 2 {
			if v.Content[i+1].Kind != yaml.ScalarNode {
				p.wrong.add(v.Content[i+1].Line, "a value is expected here", "")
				return "", false
			}
			parts = append(parts, p.expand(v.Content[i])+":"+p.expand(v.Content[i+1]))
		}
	}
	return strings.Join(parts, ","), true
}

var variableReference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand puts variables of the environment in the place of ${NAME}.
func (p *configParser) expand(v *yaml.Node) string {
	if i := strings.LastIndex(v.Value, "${"); i >= 0 && !strings.Contains(v.Value[i:], "}") {
		p.wrong.add(v.Line, "${ is not closed by }", "write a variable of the environment like ${NAME}")
	}
	return variableReference.ReplaceAllStringFunc(v.Value, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value := p.getenv(name)
		if value == "" {
			p.wrong.add(v.Line, "the environment variable "+name+" is not set", "set it, or write the value into the file if it is no secret")
			return ref
		}
		return value
	})
}

// excerpt is a name as it may be shown: a piece of an address may be a secret.
func excerpt(name string) string {
	if !plainName(name) {
		return "…"
	}
	return name
}
