package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"sluice/source/salesforce"
)

func (p *program) initCommand() *cli.Command {
	const group = "Flags"
	flags := slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "file", Category: group, Usage: "what to write; it must not be there `FILE`", DefaultText: "stdout"},
	}, addressFlags(group), []cli.Flag{
		&cli.BoolFlag{Name: "debug", Category: group, Usage: "every request on stderr, no secrets"},
	})
	return &cli.Command{
		Name:      "init",
		Usage:     "Write a file for sluice run from the objects of an org.",
		ArgsUsage: " [FILE] --source-uri ADDRESS [flags]",
		Description: `The tables that sluice knows by name and the org's own objects are listed, with
their rows; all others that may have rows stand behind a #. No address that may hold
a secret is written: the file reads it from the environment.

` + environmentHelp(flags) + `
EXAMPLES
  export SLUICE_SOURCE_URI='salesforce://?access_token=TOKEN&domain=acme.my'
  sluice init crm.yaml --dest-uri duckdb:///crm.db

` + exitStatus,
		Flags: flags,
		Action: func(c *cli.Context) error {
			return p.withOrg(c, func(ctx context.Context, org *salesforce.Source) error { return p.writeConfig(ctx, c, org) })
		},
	}
}

// writeConfig writes a file of tables. A file that is there is not touched.
func (p *program) writeConfig(ctx context.Context, c *cli.Context, org *salesforce.Source) (err error) {
	out := p.Stdout
	path := c.String("file")
	if path != "" {
		if _, err := os.Lstat(path); err == nil {
			return &usageError{path + " is there already", "name another file, or remove that one"}
		}
	}
	text, tables, err := configText(ctx, c, org)
	if err != nil {
		return err
	}
	if path != "" {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return &usageError{err.Error(), "name a file in a folder that may be written to"}
		}
		defer func() {
			if closing := f.Close(); err == nil {
				err = closing
			}
			if err == nil {
				err = p.remark("%s lists %s; load them by: sluice run %s", path, plural(int64(tables), "table"), path)
			}
		}()
		out = f
	}
	_, err = io.WriteString(out, text)
	return err
}

// configText writes the objects of an org as a file of tables, and counts those
// that are not commented out.
func configText(ctx context.Context, c *cli.Context, org *salesforce.Source) (string, int, error) {
	list, err := org.Objects(ctx)
	if err != nil {
		return "", 0, err
	}
	var names []string
	for _, o := range list {
		if o.Skip == "" {
			names = append(names, o.Name)
		}
	}
	rows, err := org.Counts(ctx, names)
	if err != nil {
		return "", 0, err
	}
	var b strings.Builder
	b.WriteString(`# The tables that "sluice run" loads, and how. The keys are flags of "sluice ingest".
# For an editor's help: sluice run --json-schema > sluice.schema.json, and
# yaml-language-server: $schema=sluice.schema.json

source-uri: ${SLUICE_SOURCE_URI}
dest-uri: ` + harmless(c.String("dest-uri")) + `

# api-budget: 50%            # of the org's calls a day; the run stops before it takes more
# extract-parallelism: 8     # parts of a table asked for at once

defaults:
  dest-schema: public
  # mask: {Email: hash}      # hide values before they are written

tables:
`)
	tables := 0
	for _, o := range list {
		n, counted := rows[o.Name]
		if o.Skip != "" || counted && n == 0 {
			continue
		}
		name, note := o.Name, "rows unknown"
		if o.Table != "" {
			name = o.Table
		}
		if counted {
			note = plural(n, "row")
		}
		mark := "  - "
		// Where all others are counted, one of the org's own that is not may be gone.
		gone := !counted && len(rows) > 0
		if o.Table == "" && (gone || !strings.HasSuffix(o.Name, "__c")) {
			mark = "  # - "
		} else {
			tables++
		}
		fmt.Fprintf(&b, "%-36s # %s, %s\n", mark+name, strings.Join(strings.Fields(o.Label), " "), note)
	}
	if tables == 0 {
		b.WriteString("  - account\n")
		tables = 1
	}
	return b.String(), tables, nil
}

// harmless is an address that may stand in a file.
func harmless(dest string) string {
	if strings.HasPrefix(dest, "duckdb:") || strings.HasPrefix(dest, "discard:") || strings.HasPrefix(dest, "heroku:") {
		return dest
	}
	return "${SLUICE_DEST_URI}"
}
