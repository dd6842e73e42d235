package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) manCommand() *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "Print the manual page.",
		ArgsUsage: "",
		Description: `To read it, or to keep it:
  sluice man | man -l -
  sluice man > /usr/local/share/man/man1/sluice.1
`,
		Action: func(*cli.Context) error { return p.printManual(p.Stdout) },
	}
}

// printManual writes the manual page in roff, with the macros of man(7), from
// the texts of the commands and flags. (The library's own sorts the flags, and
// knows neither groups nor examples.)
func (p *program) printManual(w io.Writer) error {
	var b strings.Builder
	commands := leaves(p.app().Commands, "")
	fmt.Fprintf(&b, ".TH SLUICE 1 \"\" \"sluice %s\" \"User commands\"\n", roff(p.version()))
	b.WriteString(".SH NAME\nsluice \\- copy a Salesforce org into a SQL database\n.SH SYNOPSIS\n.B sluice\n.I command\n[\\fIflags\\fR]\n")
	b.WriteString(".SH DESCRIPTION\n" + roffText(manIntroduction))
	b.WriteString(".SH COMMANDS\n")
	for _, c := range commands {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(c.path), roff(c.Usage))
	}
	for _, c := range commands {
		manualOf(&b, c)
	}
	b.WriteString(".SH ENVIRONMENT\n" + roffText(manEnvironment))
	b.WriteString(".SH EXIT STATUS\n")
	for line := range strings.Lines(strings.TrimPrefix(exitStatus, "EXIT STATUS\n")) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", code, roff(strings.TrimSpace(meaning)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const manIntroduction = `sluice copies objects of a Salesforce org into tables of a DuckDB file or a PostgreSQL database. Each load is there whole, in one transaction, or not at all.

The result is on stdout; logs, progress and errors are on stderr.
`

const manEnvironment = `A flag that is not given is read from the variable that stands below it. An empty variable counts as none. Passwords belong there, not in a command line that others on the machine can list.
`

// manualOf writes the section of a command.
func manualOf(b *strings.Builder, c leaf) {
	fmt.Fprintf(b, ".SH %s\n", roff(strings.ToUpper("sluice "+c.path)))
	fmt.Fprintf(b, ".B sluice %s\n%s\n.PP\n%s\n", roff(c.path), roff(strings.TrimSpace(c.ArgsUsage)), roff(c.Usage))
	introduction, examples := describe(c.Description)
	if introduction != "" {
		b.WriteString(".PP\n" + roffText(introduction))
	}
	group := ""
	for _, f := range c.Flags {
		if g := f.(cli.CategorizableFlag).GetCategory(); g != group {
			fmt.Fprintf(b, ".SS %s\n", roff(g))
			group = g
		}
		r := reference(c.path, f)
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR", roff(spelled(f)))
		if r.value != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", roff(r.value))
		}
		fmt.Fprintf(b, "\n%s.\n", roff(r.meaning))
		for _, more := range []string{r.remark, r.form} {
			if more != "" {
				b.WriteString(roff(more) + "\n")
			}
		}
		if r.defaults != "" {
			b.WriteString("Default: " + roff(r.defaults) + ".\n")
		}
		b.WriteString("Variable: " + roff("$"+strings.Join(r.variables, ", $")) + ".\n")
	}
	if examples != "" {
		b.WriteString(".SS Examples\n.nf\n" + roffLines(examples) + ".fi\n")
	}
}

// describe takes a command's description apart: what stands before the first
// heading, and the examples.
func describe(description string) (introduction, examples string) {
	introduction, _, _ = strings.Cut(description, "ENVIRONMENT\n")
	introduction, _, _ = strings.Cut(introduction, "EXAMPLES\n")
	introduction, _, _ = strings.Cut(introduction, "EXIT STATUS\n")
	_, examples, _ = strings.Cut(description, "EXAMPLES\n")
	examples, _, _ = strings.Cut(examples, "EXIT STATUS\n")
	return strings.TrimSpace(introduction), strings.Trim(examples, "\n")
}

// roff escapes a text of one line. A minus stands for itself, so that flags can
// be copied out of the page.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// roffText escapes paragraphs, parted by empty lines. Indented lines keep their
// ends, and indented paragraphs their indent as well.
func roffText(s string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(s), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, "  ") {
			b.WriteString(".nf\n" + roffLines(paragraph) + ".fi\n")
			continue
		}
		for line := range strings.Lines(paragraph) {
			if strings.HasPrefix(line, "  ") {
				b.WriteString(".br\n")
			}
			b.WriteString(roff(strings.TrimSpace(line)) + "\n")
		}
	}
	return b.String()
}

// roffLines escapes lines that keep their ends and their indent.
func roffLines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		text := roff(strings.TrimRight(line, "\n"))
		if text != "" {
			b.WriteString(text)
		} else {
			b.WriteString(".sp")
		}
		b.WriteString("\n")
	}
	return b.String()
}
