package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sluice/destination"
	"sluice/state"
)

// stateCommand shows and mends how far each table got.
func (p *program) stateCommand() *cli.Command {
	const which = "Flags"
	selection := func(more ...cli.Flag) []cli.Flag {
		return append([]cli.Flag{
			&cli.StringFlag{Name: "dest-uri", Category: which, Usage: "the database that keeps the states `ADDRESS`"},
			&cli.StringFlag{Name: "state-uri", Category: which, Usage: "where ingest was told to keep them: file:///abs/state.json `ADDRESS`"},
			&cli.StringFlag{Name: "source-table", Category: which, Usage: "states of this table of the org alone `NAME`"},
			&cli.StringFlag{Name: "dest-table", Category: which, Usage: "states of this table of the database alone `NAME`"},
			&cli.DurationFlag{Name: "lock-timeout", Category: which, Usage: "wait for a database that another process holds `TIME`", Value: 30 * time.Second},
			&cli.BoolFlag{Name: "json", Category: which, Usage: "as JSON on stdout"},
			quietFlag(which, "no remarks beside the result"),
		}, more...)
	}
	command := func(name, usage string, do func(*cli.Context, stateView) error, more ...cli.Flag) *cli.Command {
		flags := selection(more...)
		return &cli.Command{
			Name: name, Usage: usage, ArgsUsage: " --dest-uri ADDRESS [flags]", Description: environmentHelp(flags), Flags: flags,
			Action: func(c *cli.Context) error { return p.withStates(c, do) },
		}
	}
	return &cli.Command{
		Name:  "state",
		Usage: "Show and mend how far each table got.",
		Subcommands: []*cli.Command{
			command("list", "List the states of a database.", p.listStates),
			command("show", "Show one state in full.", p.showState),
			command("set", "Move the cursor of one table: the next run reads from there.", p.setState, &cli.StringFlag{Name: "cursor", Category: "Flags", Usage: "2026-03-01 (midnight UTC) or 2026-03-01T08:00:00Z `TIME`"}),
			command("reset", "Forget the state of one table: the next run reads everything.", p.resetState),
			command("export", "Print all states as JSON.", p.exportStates),
		},
	}
}

// stateView is the states that a command line selects.
type stateView struct {
	store   state.Store
	all     []state.Entry
	entries []state.Entry // those selected
	json    bool
}

// withStates opens the database and selects.
func (p *program) withStates(c *cli.Context, do func(*cli.Context, stateView) error) (err error) {
	p.json = c.Bool("json")
	v := stateView{json: p.json}
	var closeStates func() error
	if v.store, closeStates, err = openKept(c, settings{log: p.logger(p.Stderr, false), lockTimeout: c.Duration("lock-timeout")}); err != nil {
		return err
	}
	defer func() {
		if closing := closeStates(); err == nil {
			err = closing
		}
	}()
	if v.all, err = v.store.List(c.Context); err != nil {
		return err
	}
	if err := p.choose(c, &v); err != nil {
		return err
	}
	return do(c, v)
}

// openKept opens the store that --state-uri names, else that of the database.
func openKept(c *cli.Context, s settings) (state.Store, func() error, error) {
	if states, closeStates, err := openStates(c, s); err != nil || states != nil {
		return states, closeStates, err
	}
	address := c.String("dest-uri")
	if address == "" {
		return nil, nil, &usageError{"--dest-uri is missing", "for example: sluice state list --dest-uri duckdb:///crm.db"}
	}
	open, err := opener("dest-uri", address, destinations)
	if err != nil {
		return nil, nil, err
	}
	d, err := open(address, s)
	if err != nil {
		return nil, nil, fmt.Errorf("--dest-uri: %w", err)
	}
	return d.States(), d.Close, nil
}

// choose keeps the states that the flags name.
func (p *program) choose(c *cli.Context, v *stateView) error {
	object, dest := c.String("source-table"), c.String("dest-table")
	if known, ok := p.catalog.Lookup(object); ok {
		object = known.Object
	}
	object = strings.TrimPrefix(object, "custom:")
	if dest != "" {
		name, err := destination.ParseTableName(dest, "public")
		if err != nil {
			return fmt.Errorf("--dest-table: %w", err)
		}
		dest = name.String()
	}
	for _, e := range v.all {
		if (object == "" || strings.EqualFold(e.Source, object)) && (dest == "" || strings.EqualFold(e.Dest, dest)) {
			v.entries = append(v.entries, e)
		}
	}
	return nil
}

// one gives the only state selected, or says what there is.
func (v stateView) one() (state.Entry, error) {
	if len(v.entries) == 1 {
		return v.entries[0], nil
	}
	candidates := v.entries
	if len(candidates) == 0 {
		candidates = v.all
	}
	var have []string
	for _, e := range candidates {
		have = append(have, e.Source+" -> "+e.Dest)
	}
	text := fmt.Sprintf("%d states are selected, and one is needed", len(v.entries))
	if len(have) == 0 {
		return state.Entry{}, &usageError{"the database keeps no state", "a run of sluice ingest that merges or appends leaves one"}
	}
	return state.Entry{}, &usageError{text, "name one with --source-table and --dest-table: " + strings.Join(have, ", ")}
}

func (p *program) listStates(_ *cli.Context, v stateView) error {
	if v.json {
		return p.printStates(v.entries)
	}
	if len(v.entries) == 0 {
		return p.remark("no state is kept")
	}
	rows := [][]string{{"SOURCE", "TABLE", "CURSOR", "STRATEGY", "COMMITTED", "ORG"}}
	for _, e := range v.entries {
		rows = append(rows, []string{e.Source, e.Dest, dash(moment(e.State.Cursor)), dash(e.State.Strategy), dash(moment(e.State.Committed)), e.Org})
	}
	return printColumns(p.Stdout, rows)
}

func (p *program) showState(_ *cli.Context, v stateView) error {
	e, err := v.one()
	if err != nil {
		return err
	}
	if v.json {
		return p.printStates([]state.Entry{e})
	}
	s := e.State
	return printColumns(p.Stdout, [][]string{
		{"source", e.Source},
		{"table", e.Dest},
		{"org", e.Org},
		{"cursor", dash(moment(s.Cursor))},
		{"cursor key", dash(s.CursorKey)},
		{"deletions read to", dash(moment(s.Covered))},
		{"strategy", dash(s.Strategy)},
		{"deleted rows", dash(s.Deleted)},
		{"columns", fmt.Sprint(len(s.Columns))},
		{"not filled", dash(strings.Join(s.Unfilled, ", "))},
		{"run", dash(s.Run)},
		{"committed", dash(moment(s.Committed))},
	})
}

func (p *program) setState(c *cli.Context, v stateView) error {
	at, err := readTime(c, "cursor")
	if err != nil {
		return err
	}
	if at.IsZero() {
		return &usageError{"--cursor is missing", "write it like 2026-03-01 (midnight UTC) or 2026-03-01T08:00:00Z"}
	}
	if at.After(time.Now().Add(24 * time.Hour)) { // the org's clock may differ, but not by that much
		return &usageError{fmt.Sprintf("--cursor %s lies in the future: no change before it would ever be read", moment(at)), "give the time from which on changes shall be read again"}
	}
	e, err := v.one()
	if err != nil {
		return err
	}
	was := e.State.Cursor
	e.State.Cursor = at
	if err := v.store.Put(c.Context, e.Key, e.State); err != nil {
		return err
	}
	if v.json {
		return p.printStates([]state.Entry{e})
	}
	return p.remark("%s -> %s: the cursor went from %s to %s", e.Source, e.Dest, dash(moment(was)), moment(at))
}

func (p *program) resetState(c *cli.Context, v stateView) error {
	e, err := v.one()
	if err != nil {
		return err
	}
	if err := v.store.Delete(c.Context, e.Key); err != nil {
		return err
	}
	if v.json {
		return p.printStates([]state.Entry{e})
	}
	return p.remark("%s -> %s: forgotten; the next run reads everything", e.Source, e.Dest)
}

func (p *program) exportStates(_ *cli.Context, v stateView) error { return p.printStates(v.entries) }

// printStates prints states as JSON, each as it is kept.
func (p *program) printStates(entries []state.Entry) error {
	type exported struct {
		state.Key
		State json.RawMessage `json:"state"`
	}
	list := []exported{}
	for _, e := range entries {
		text, err := state.Encode(e.State)
		if err != nil {
			return err
		}
		list = append(list, exported{e.Key, text})
	}
	return p.printValue(list)
}

// moment is a time as the state commands print and read it; "" for none.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.999Z")
}
