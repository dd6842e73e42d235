package duckdb

import "C" // has allocator.c compiled
