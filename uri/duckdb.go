package uri

import "strings"

// DuckDB is a DuckDB database.
type DuckDB struct {
	// Path is a file, relative to the working folder unless it begins with a
	// slash, or ":memory:".
	Path string
}

// Memory is the path of a database that lives as long as the process.
const Memory = ":memory:"

const duckdbForm = "write duckdb:///crm.db for a file in the working folder, duckdb:////var/data/crm.db for an absolute path, or duckdb://:memory:"

// ParseDuckDB reads an address of DuckDB: three slashes and a relative path,
// or four and an absolute one. %XX in the path stands for a byte.
func ParseDuckDB(raw string) (DuckDB, error) {
	rest, err := after(raw, "duckdb", duckdbForm)
	if err != nil {
		return DuckDB{}, err
	}
	if rest == Memory || rest == "/"+Memory {
		return DuckDB{Memory}, nil
	}
	path, slash := strings.CutPrefix(rest, "/")
	if !slash {
		return DuckDB{}, &Error{"the DuckDB address has two slashes, where a host would follow", duckdbForm}
	}
	if strings.ContainsAny(path, "?#") {
		return DuckDB{}, &Error{"the DuckDB address has parameters, and there are none", duckdbForm + "; a ? in a file name is %3F, a # is %23"}
	}
	path, ok := unescape(path)
	switch {
	case !ok:
		return DuckDB{}, &Error{"the DuckDB path holds a % that is not followed by two hex digits", "write a % in a file name as %25"}
	case path == "" || strings.HasSuffix(path, "/"):
		return DuckDB{}, &Error{"the DuckDB address names no file", duckdbForm}
	case strings.ContainsRune(path, 0):
		return DuckDB{}, &Error{"the DuckDB path holds a NUL character", duckdbForm}
	}
	return DuckDB{path}, nil
}

// String is an address that reads back as d.
func (d DuckDB) String() string {
	if d.Path == Memory {
		return "duckdb://" + Memory
	}
	return "duckdb:///" + strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(d.Path)
}
