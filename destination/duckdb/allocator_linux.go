package duckdb

import "C" // has allocator_linux.cc compiled
