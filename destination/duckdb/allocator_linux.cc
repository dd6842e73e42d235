#include <cstddef>
#include <new>

// DuckDB's builds for Linux bring an allocator of their own, which keeps what is
// freed in an arena a core, and in caches a thread, for a second. A load frees
// and takes blocks all the time, in turns on all threads: 290 MB were resident
// of 1,000,000 rows of 75 columns, of which DuckDB counts 80. With one arena,
// and caches for small pieces alone, it is 240 MB, in the same time. To give
// back freed memory sooner than after a second costs up to a third more CPU
// time and saves less than 10 MB.
//
// The variable is weak in the allocator, which reads it when it starts (see
// "malloc_conf" in the manual of jemalloc 5.3).
extern "C" {
extern const char *duckdb_je_malloc_conf_2_conf_harder;
const char *duckdb_je_malloc_conf_2_conf_harder =
    "narenas:1,tcache_max:1024,dirty_decay_ms:1000,muzzy_decay_ms:0";
}

// What DuckDB takes by operator new goes past that allocator: its catalog, and
// what it knows of each column of each row group. The C library keeps it in an
// arena a thread, and Go moves a load from thread to thread: 57 MB were resident
// of which 10 to 30 were in use, and more of more rows. From the one arena it is
// 16 MB less of 1,000,000 rows, and 25 of 10,000,000, in the same time; from the
// C library, kept to one arena, 20 less for an eighth more time.
//
// These operators serve the whole process, and whatever is loaded into it: an
// extension that brought its own would free what it did not take. None is loaded.
extern "C" {
void *duckdb_je_malloc(std::size_t);
void duckdb_je_free(void *);
}

void *operator new(std::size_t n) {
	void *p = duckdb_je_malloc(n > 0 ? n : 1);
	if (p == nullptr) {
		throw std::bad_alloc();
	}
	return p;
}

void operator delete(void *p) noexcept { duckdb_je_free(p); }

void operator delete(void *p, std::size_t) noexcept { duckdb_je_free(p); }
