package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"sluice/source/salesforce"
	"sluice/uri"
)

// lookFlags are the flags of the commands that look around an org.
func lookFlags(more ...cli.Flag) []cli.Flag {
	const group = "Flags"
	return slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "source-uri", Category: group, Usage: "the org and how to log in: salesforce://?… `ADDRESS`"},
	}, more, []cli.Flag{
		&cli.BoolFlag{Name: "json", Category: group, Usage: "as JSON on stdout"},
		quietFlag(group, "no remarks beside the result"),
		&cli.BoolFlag{Name: "debug", Category: group, Usage: "every request on stderr, no secrets"},
	})
}

// openOrg logs in to the org that --source-uri names.
func (p *program) openOrg(c *cli.Context) (*salesforce.Source, error) {
	address := c.String("source-uri")
	if address == "" {
		return nil, &usageError{"--source-uri is missing", "give the address of an org, or put it into $SLUICE_SOURCE_URI: salesforce://?access_token=TOKEN&domain=acme.my"}
	}
	if _, err := opener("source-uri", address, sources); err != nil {
		return nil, err
	}
	u, err := uri.ParseSalesforce(address)
	if err != nil {
		return nil, fmt.Errorf("--source-uri: %w", err)
	}
	return salesforce.Open(c.Context, u, salesforce.Options{
		Catalog: p.catalog, Log: p.logger(p.Stderr, c.Bool("debug")), UserAgent: "sluice/" + p.version(),
		Sleep: p.Sleep, IdleTimeout: p.Silence,
	})
}

// withOrg runs do with the org logged in.
func (p *program) withOrg(c *cli.Context, do func(context.Context, *salesforce.Source) error) (err error) {
	org, err := p.openOrg(c)
	if err != nil {
		return err
	}
	defer func() {
		if closing := org.Close(); err == nil {
			err = closing
		}
	}()
	return do(c.Context, org)
}

// printValue prints what a command that looks around has found as JSON.
func (p *program) printValue(v any) error {
	p.answered = true
	enc := json.NewEncoder(p.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// liftArgument lets a command's one argument stand without the name of its flag:
// "describe account" is "describe --source-table account". The library would
// drop every flag after it.
func liftArgument(commands []*cli.Command, args []string) []string {
	if len(args) < 3 {
		return args
	}
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.Name == args[1] })
	if i < 0 {
		return args
	}
	flag, ok := argumentOf[args[1]]
	if !ok {
		return args
	}
	for n := 2; n < len(args); n++ {
		arg := args[n]
		if !strings.HasPrefix(arg, "-") {
			return slices.Concat(args[:n], []string{"--" + flag}, args[n:])
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !hasValue && takesValue(commands[i].Flags, name) {
			n++
		}
	}
	return args
}

// argumentOf has the flag that a command's argument is.
var argumentOf = map[string]string{"describe": "source-table", "sample": "source-table", "diff": "source-table", "query": "soql", "run": "file", "init": "file"}
