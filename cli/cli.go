// Package cli is the command line: flags, help, what is printed where, and the
// exit codes. It alone knows which systems there are.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"sluice/source"
)

// Env is what the program is given by the process that it runs in. All fields
// down to Tables must be set.
type Env struct {
	// Stdout gets the result, Stderr logs, progress and errors.
	Stdout, Stderr io.Writer
	// Getenv is os.Getenv or a test's.
	Getenv func(string) string
	// Version and Commit are what "sluice version" prints; empty asks the build
	// info.
	Version, Commit string
	// Tables is the text of tables.yaml.
	Tables []byte
	// Sleep waits for d or until ctx ends, whose cause it returns; nil goes by
	// the clock. Silence is how long an org may send nothing in the middle of an
	// answer; 0 leaves it to the source. Tests make both short.
	Sleep   func(ctx context.Context, d time.Duration) error
	Silence time.Duration
}

// Run runs the program named by args[0] with the arguments after it and
// returns the exit code. SIGINT and SIGTERM end it in order; a second one at
// once.
func Run(args []string, e Env) int {
	if _, isFile := e.Stderr.(*os.File); !isFile { // which a file does by itself
		e.Stderr = &oneAtATime{to: e.Stderr}
	}
	p := &program{Env: e, args: args, json: wantsJSON(args, e.Getenv)}
	limitHeap(e.Getenv, os.DirFS("/"))
	ctx, stop := interruptible(context.Background())
	defer stop()
	catalog, err := source.ParseCatalog(e.Tables)
	if err == nil {
		p.catalog = catalog
		app := p.app()
		p.args = liftArgument(app.Commands, args)
		err = app.RunContext(ctx, p.args)
	}
	err = nameInterrupt(ctx, err)
	if err != nil && !p.nobodyReads(err) {
		p.printError(err)
	}
	return exitCode(err)
}

// nobodyReads says whether a command that only shows something ends because its
// reader has seen enough: sluice objects | head. That is no error to tell of. A
// load whose result nobody got is.
func (p *program) nobodyReads(err error) bool {
	var file *fs.PathError
	return errors.Is(err, syscall.EPIPE) && errors.As(err, &file) && file.Path == "/dev/stdout" && len(p.args) > 1 && !slices.Contains([]string{"ingest", "run"}, p.args[1])
}

// oneAtATime lets logs and the progress display write to one place.
type oneAtATime struct {
	mu sync.Mutex
	to io.Writer
}

func (w *oneAtATime) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

// program is one run of the program.
type program struct {
	Env
	args    []string
	catalog *source.Catalog
	// given names the flags that stand on the command line.
	given map[string]bool
	// json is true when stdout must hold one JSON object, whatever happens.
	json bool
	// quiet leaves out what is no result, warning or error.
	quiet bool
	// answered is true when that object was printed.
	answered bool
}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:            "sluice",
		Usage:           "copy a Salesforce org into a SQL database",
		Version:         p.version(),
		Writer:          p.Stdout,
		ErrWriter:       p.Stderr,
		HideHelpCommand: true,
		// Commas stand inside of types: decimal(18,2).
		DisableSliceFlagSeparator: true,
		CustomAppHelpTemplate:     programHelp,
		Commands:                  []*cli.Command{p.ingestCommand(), p.runCommand(), p.initCommand(), p.tablesCommand(), p.checkCommand(), p.objectsCommand(), p.describeCommand(), p.sampleCommand(), p.queryCommand(), p.diffCommand(), p.stateCommand(), p.demoCommand(), p.completionCommand(), p.manCommand(), p.versionCommand()},
		// The library would exit by itself.
		ExitErrHandler: func(*cli.Context, error) {},
	}
	app.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
		return flagError(err, "sluice", app.Flags)
	}
	app.Action = func(c *cli.Context) error { return noCommand(c, "sluice", app.Commands) }
	p.wire(app.Commands, "sluice", 2)
	return app
}

// wire gives commands their help and their checks. Their flags begin at
// args[depth].
func (p *program) wire(commands []*cli.Command, path string, depth int) {
	for _, c := range commands {
		name := path + " " + c.Name
		c.HideHelpCommand = true
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return flagError(err, name, c.Flags) }
		if len(c.Subcommands) > 0 {
			p.wire(c.Subcommands, name, depth+1)
			c.CustomHelpTemplate = groupHelp(c, name)
			c.Action = func(ctx *cli.Context) error { return noCommand(ctx, name, c.Subcommands) }
			continue
		}
		c.CustomHelpTemplate = commandHelp(c, name)
		c.Action = p.checked(c, depth, c.Action)
	}
}

// noCommand is the error for a first argument that is no command of path.
func noCommand(c *cli.Context, path string, commands []*cli.Command) error {
	if c.NArg() == 0 && path == "sluice" {
		return &usageError{"no command is given", "sluice ingest copies a table; sluice --help lists the commands"}
	}
	var names []string
	for _, command := range commands {
		names = append(names, command.Name)
	}
	text := "the first argument is no command"
	switch name := c.Args().First(); {
	case name == "":
		text = path + " needs a command"
	case plainName(name):
		text = fmt.Sprintf("there is no command %q", strings.TrimPrefix(path+" "+name, "sluice "))
	}
	return &usageError{
		text,
		"commands are " + strings.Join(names, ", ") + "; see " + path + " --help",
	}
}

// checked runs action once the arguments are known to be taken as the user
// meant them: urfave/cli drops all flags after a stray argument.
func (p *program) checked(command *cli.Command, depth int, action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		// The program itself and groups of commands have no flags that do not
		// end it, so that the names of commands come first.
		var err error
		if p.given, err = checkArguments(command, p.args[min(depth, len(p.args)):]); err != nil {
			return err
		}
		if err := p.fillFromEnvironment(c, command.Flags); err != nil {
			return err
		}
		p.quiet = c.Bool("quiet")
		return action(c)
	}
}

// printError tells what failed and how to mend it.
func (p *program) printError(err error) {
	if p.json && !p.answered {
		// Nothing more can be done when stdout is gone: stderr has the error.
		_ = p.printJSON(nil, nil, err)
	}
	p.tell("error", err.Error())
	if h := hint(err); h != "" {
		p.tell("hint", h)
	}
}

// tell writes a line to stderr. When that is gone, nobody is left to be told.
func (p *program) tell(kind, text string) {
	_, _ = fmt.Fprintf(p.Stderr, "sluice: %s: %s\n", kind, text)
}

// remark prints what a person may like to know beside a result, and nothing on
// --quiet.
func (p *program) remark(format string, args ...any) error {
	if p.quiet {
		return nil
	}
	_, err := fmt.Fprintf(p.Stdout, format+"\n", args...)
	return err
}

// hint is the mend that the error offers, if any.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
