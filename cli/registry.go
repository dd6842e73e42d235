package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sluice/destination"
	"sluice/destination/discard"
	"sluice/destination/duckdb"
	"sluice/destination/postgres"
	"sluice/source"
	"sluice/source/salesforce"
	"sluice/state"
	"sluice/uri"
)

// settings is what the flags say to whoever opens an end.
type settings struct {
	catalog     *source.Catalog
	log         *slog.Logger
	userAgent   string
	lockTimeout time.Duration
	nulStrip    bool
	memory      int64 // of the process; 0 is what the tables need
	budget      salesforce.Budget
	sleep       func(context.Context, time.Duration) error
	silence     time.Duration
}

// sources says how to open what a source address names. The address is read at
// once, the login waits for the first use of the Opener and serves all others.
var sources = map[string]func(address string, s settings) (source.Opener, error){
	"salesforce": openSalesforce,
}

// destinations says how to open what a destination address names.
var destinations = map[string]func(address string, s settings) (destination.Destination, error){
	"discard":    openDiscard,
	"duckdb":     openDuckDB,
	"heroku":     openHeroku,
	"postgres":   openPostgres,
	"postgresql": openPostgres,
}

// openStates opens the store that --state-uri names: a file of states, or a
// database that is not the destination. Without one, or where it is the
// destination, the store is nil: states go with the rows.
func openStates(c *cli.Context, s settings) (state.Store, func() error, error) {
	nothing := func() error { return nil }
	address := c.String("state-uri")
	if address == "" || address == c.String("dest-uri") {
		return nil, nothing, nil
	}
	// A cursor kept elsewhere would pass rows that discard has dropped (P6).
	for _, flag := range []string{"state-uri", "dest-uri"} {
		if uri.ParseDiscard(c.String(flag)) == nil {
			return nil, nothing, &usageError{"--state-uri goes with no discard:, which keeps no rows", "leave --state-uri out, or name a database"}
		}
	}
	if scheme, err := uri.Scheme(address); err == nil && scheme == "file" {
		f, err := uri.ParseFile(address)
		if err != nil {
			return nil, nothing, fmt.Errorf("--state-uri: %w", err)
		}
		return state.NewFile(f.Path), nothing, nil
	}
	open, err := opener("state-uri", address, destinations)
	if err != nil {
		return nil, nothing, err
	}
	d, err := open(address, s)
	if err != nil {
		return nil, nothing, fmt.Errorf("--state-uri: %w", err)
	}
	return d.States(), d.Close, nil
}

func openSalesforce(address string, s settings) (source.Opener, error) {
	u, err := uri.ParseSalesforce(address)
	if err != nil {
		return nil, err
	}
	login := salesforce.NewLogin(u, salesforce.Options{Catalog: s.catalog, Log: s.log, UserAgent: s.userAgent, Budget: s.budget, Sleep: s.sleep, IdleTimeout: s.silence})
	return func(ctx context.Context) (source.Source, error) { return login.Open(ctx) }, nil
}

func openDiscard(address string, _ settings) (destination.Destination, error) {
	if err := uri.ParseDiscard(address); err != nil {
		return nil, err
	}
	return discard.Destination{}, nil
}

func openDuckDB(address string, s settings) (destination.Destination, error) {
	u, err := uri.ParseDuckDB(address)
	if err != nil {
		return nil, err
	}
	return duckdb.Open(u, duckdb.Options{LockTimeout: s.lockTimeout, Memory: duckDBMemory(s.memory), Early: true, Log: s.log})
}

func openPostgres(address string, s settings) (destination.Destination, error) {
	u, err := uri.ParsePostgres(address)
	if err != nil {
		return nil, err
	}
	return postgres.Open(u, s.postgres())
}

func openHeroku(address string, s settings) (destination.Destination, error) {
	u, err := uri.ParseHeroku(address)
	if err != nil {
		return nil, err
	}
	return postgres.OpenHeroku(u, s.postgres())
}

func (s settings) postgres() postgres.Options {
	return postgres.Options{LockTimeout: s.lockTimeout, NulStrip: s.nulStrip, Log: s.log}
}

// opener finds what opens address among those known, or lists them.
func opener[T any](flag, address string, known map[string]T) (T, error) {
	var none T
	scheme, err := uri.Scheme(address)
	if err != nil {
		return none, fmt.Errorf("--%s: %w", flag, err)
	}
	if open, ok := known[scheme]; ok {
		return open, nil
	}
	var forms []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		forms = append(forms, name+"://")
	}
	return none, &usageError{
		fmt.Sprintf("--%s: unknown scheme %s://", flag, scheme),
		fmt.Sprintf("--%s takes %s", flag, strings.Join(forms, ", ")),
	}
}

// shownSource and shownDestination are addresses without what is secret in
// them; "" for those that cannot be read.
func shownSource(address string) string {
	u, err := uri.ParseSalesforce(address)
	if err != nil {
		return ""
	}
	_, host, _ := strings.Cut(u.SignIn, "://")
	return host
}

func shownDestination(address string) string {
	if u, err := uri.ParseDuckDB(address); err == nil {
		return u.String()
	}
	if u, err := uri.ParsePostgres(address); err == nil {
		return u.String()
	}
	if u, err := uri.ParseHeroku(address); err == nil {
		return u.String()
	}
	if uri.ParseDiscard(address) == nil {
		return "discard:"
	}
	return ""
}
