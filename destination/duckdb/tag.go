//go:build !duckdb_arrow

package duckdb

import "github.com/apache/arrow-go/v18/arrow/array"

// DuckDB's Arrow interface is behind a build tag of its own. Without it there
// would be a page of undefined names; this one says what to do.
var _ = sluice_needs_the_build_tag_duckdb_arrow__run_make_build__or_add_it_with_go_build_tags_duckdb_arrow

func register(any, array.RecordReader, string) (func(), error) { return nil, nil }
