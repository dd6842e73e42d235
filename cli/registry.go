package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/destination"
	"sluice/destination/duckdb"
	"sluice/source"
	"sluice/source/salesforce"
	"sluice/uri"
)

// settings is what the flags say to whoever opens an end.
type settings struct {
	catalog     *source.Catalog
	log         *slog.Logger
	userAgent   string
	lockTimeout time.Duration
}

// sources says how to open what a source address names. The address is read at
// once, the login waits for the Opener.
var sources = map[string]func(address string, s settings) (source.Opener, error){
	"salesforce": openSalesforce,
}

// destinations says how to open what a destination address names.
var destinations = map[string]func(address string, s settings) (destination.Destination, error){
	"duckdb": openDuckDB,
}

func openSalesforce(address string, s settings) (source.Opener, error) {
	u, err := uri.ParseSalesforce(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (source.Source, error) {
		return salesforce.Open(ctx, u, salesforce.Options{Catalog: s.catalog, Log: s.log, UserAgent: s.userAgent})
	}, nil
}

func openDuckDB(address string, s settings) (destination.Destination, error) {
	u, err := uri.ParseDuckDB(address)
	if err != nil {
		return nil, err
	}
	return duckdb.Open(u, duckdb.Options{LockTimeout: s.lockTimeout, Log: s.log})
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
