// DuckDB's builds for Linux bring an allocator of their own, which keeps what is
// freed in an arena a core, and in caches a thread, for a second. A load frees
// and takes blocks all the time, in turns on all threads: 290 MB were resident
// of 1,000,000 rows of 75 columns, of which DuckDB counts 80. With one arena,
// and caches for small pieces alone, it is 240 MB, in the same time. To give
// back freed memory sooner than after a second costs up to a third more CPU
// time and saves less than 10 MB.
//
// The variable is weak in the allocator, which reads it when it starts (see
// "malloc_conf" in the manual of jemalloc 5.3). Where there is no such
// allocator nobody reads it.
const char *duckdb_je_malloc_conf_2_conf_harder =
    "narenas:1,tcache_max:1024,dirty_decay_ms:1000,muzzy_decay_ms:0";
