package cli

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagReference is all that is to say about a flag.
type flagReference struct {
	name, value string
	// meaning is a line; remark and form, where there are any, are sentences.
	meaning, remark, form string
	defaults              string
	variables             []string
}

// reference gives what the manual and doc/flags.md say about a flag of the
// command at path.
func reference(path string, f cli.Flag) flagReference {
	name := f.Names()[0]
	meaning, value := flagWords(f)
	remark, own := remarks[path+" "+name]
	if !own && (path == "ingest" || path == "run") {
		remark = remarks[name]
	}
	return flagReference{name, value, meaning, remark, form(f, value), defaultOf(f), variables(name)}
}

// form says how a value is written, and its unit.
func form(f cli.Flag, value string) string {
	switch f.(type) {
	case *cli.DurationFlag:
		return "A duration with its unit: 90s, 10m, 1h30m."
	case *cli.IntFlag:
		return "A whole number."
	}
	switch value {
	case "TIME":
		return "A moment: 2026-03-01 (midnight UTC), 2026-03-01T08:00:00Z or with another offset; without one it is UTC."
	case "SIZE":
		return "A number with MB or GB, which are 1,024 KiB and 1,024 MiB: 400MB, 1.5GB."
	}
	return ""
}

const referenceHead = `# Commands and flags

This page is made from the program (` + "`make golden`" + ` writes it again); ` + "`sluice man`" + ` prints the same as a manual page, and ` + "`sluice COMMAND --help`" + ` in short.

A flag that is not given is read from its variable. An empty variable counts as none. What is given on the command line wins.
Where several variables are named, the first wins; the others are those that ingestr reads, which may have its prefix ` + "`INGESTR_`" + `, too.
Flags are written ` + "`--flag value` or `--flag=value`" + `; a switch is on by ` + "`--flag`" + ` and off by ` + "`--flag=false`" + `.
`

// printReference writes doc/flags.md.
func (p *program) printReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, c := range leaves(p.app().Commands, "") {
		fmt.Fprintf(&b, "\n## sluice %s\n\n%s\n", c.path, c.Usage)
		if introduction, _ := describe(c.Description); introduction != "" {
			b.WriteString("\n```text\n" + introduction + "\n```\n")
		}
		referenceOf(&b, c)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func referenceOf(b *strings.Builder, c leaf) {
	group := ""
	for _, f := range c.Flags {
		if g := f.(cli.CategorizableFlag).GetCategory(); g != group {
			if group = g; g != "Flags" {
				fmt.Fprintf(b, "\n### %s\n", g)
			}
			b.WriteString("\n| Flag | Meaning | Default | Variable |\n|---|---|---|---|\n")
		}
		r := reference(c.path, f)
		head := spelled(f)
		if r.value != "" {
			head += " " + r.value
		}
		cells := []string{code(head), strings.TrimSpace(markdown(r.meaning+". "+r.remark) + " " + markdown(r.form)), markdown(r.defaults), code(strings.Join(r.variables, "`, `"))}
		if c, ok := f.(*cli.BoolFlag); ok {
			cells[2] = map[bool]string{false: "off", true: "on"}[c.Value]
		}
		b.WriteString(strings.ReplaceAll("| "+strings.Join(cells, " | ")+" |\n", "|  |", "| |"))
	}
}

func code(s string) string { return "`" + s + "`" }

// page is another page of doc/.
var page = regexp.MustCompile(`doc/([a-z-]+\.md)`)

// markdown escapes what would be taken for markup: a table's bars, and stars.
func markdown(s string) string {
	s = strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;").Replace(s)
	return strings.TrimSpace(page.ReplaceAllString(s, "[$1]($1)"))
}
