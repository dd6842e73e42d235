package duckdb

import (
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// EngineVersion is that of the DuckDB library in the program: 1.5.6.
func EngineVersion() string { return strings.TrimPrefix(bindings.LibraryVersion(), "v") }
