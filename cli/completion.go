package cli

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"
)

// The scripts hold all that they offer: nothing is run when the user presses
// Tab. (What the library has instead runs the unfinished command line through
// eval, an address with its & included, and offers no values.)
var (
	//go:embed completion.bash
	bashScript string
	//go:embed completion.zsh
	zshScript string
	//go:embed completion.fish
	fishScript string
)

func (p *program) completionCommand() *cli.Command {
	shell := func(name, script, load string) *cli.Command {
		return &cli.Command{
			Name:        name,
			Usage:       "Print the completion of " + name + ".",
			ArgsUsage:   "",
			Description: load,
			Action:      func(*cli.Context) error { return p.printCompletion(p.Stdout, name, script) },
		}
	}
	return &cli.Command{
		Name:  "completion",
		Usage: "Print a script that lets a shell complete commands, flags and their values.",
		Subcommands: []*cli.Command{
			shell("bash", bashScript, `For this shell, and for all that are started from now on:
  source <(sluice completion bash)
  echo 'source <(sluice completion bash)' >> ~/.bashrc
`),
			shell("zsh", zshScript, `For all shells that are started from now on, where a folder of $fpath is yours:
  sluice completion zsh > "${fpath[1]}/_sluice"
or, after compinit in ~/.zshrc:
  source <(sluice completion zsh)
`),
			shell("fish", fishScript, `For all shells that are started from now on:
  sluice completion fish > ~/.config/fish/completions/sluice.fish
`),
		},
	}
}

// completed is a command as the scripts know it.
type completed struct {
	// Path is empty for the program itself, which has Commands alone.
	Path, Name, Usage string
	Commands          []completed
	Flags             []completedFlag
	// Argument has the values of the argument that stands without a flag;
	// FileArgument is true when that is a file.
	Argument     []string
	FileArgument bool
}

type completedFlag struct {
	Name, Meaning, Value string
	Choices              []string
	// List is true when several choices may be joined by commas, File when the
	// value is a file.
	List, File bool
}

// completion is the tree of commands for the scripts: the program first, then
// each command.
func (p *program) completion() []completed {
	root := completed{Name: "sluice", Commands: p.completedCommands(p.app().Commands, "")}
	all := []completed{root}
	for _, c := range root.Commands {
		all = append(append(all, c), c.Commands...)
	}
	return all
}

func (p *program) completedCommands(commands []*cli.Command, before string) (all []completed) {
	for _, c := range commands {
		d := completed{Path: before + c.Name, Name: c.Name, Usage: c.Usage, Commands: p.completedCommands(c.Subcommands, before+c.Name+" ")}
		for _, f := range c.Flags {
			meaning, value := flagWords(f)
			name := f.Names()[0]
			d.Flags = append(d.Flags, completedFlag{name, meaning, value, p.choices(name), name == "source-table" && c.Name == "ingest", value == "FILE"})
		}
		if flag, ok := argumentOf[d.Path]; ok {
			d.Argument, d.FileArgument = p.choices(flag), flag == "file"
		}
		all = append(all, d)
	}
	return all
}

// printCompletion writes the script of a shell.
func (p *program) printCompletion(w io.Writer, shell, script string) error {
	quote := map[string]func(string) string{"bash": quoteSh, "zsh": quoteSh, "fish": quoteFish}[shell]
	t, err := template.New(shell).Funcs(template.FuncMap{
		"join":  func(words []string) string { return strings.Join(words, " ") },
		"quote": quote,
		// In a spec of _arguments brackets and colons have a meaning.
		"spec": func(s string) string {
			return quote(strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `:`, `\:`).Replace(s))
		},
		"inner": func(s string) string {
			s = quote(strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `:`, `\:`).Replace(s))
			return s[1 : len(s)-1]
		},
	}).Parse(script)
	if err != nil {
		return fmt.Errorf("completion of %s: %w", shell, err)
	}
	return t.Execute(w, p.completion())
}

func quoteSh(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func quoteFish(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
