package destination

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Convention is how a table's columns are named after the fields they hold.
type Convention string

// The conventions of column names. The zero Convention lets the table decide.
const (
	// SnakeCase writes CreatedDate as created_date.
	SnakeCase Convention = "snake_case"
	// Direct keeps the upstream system's spelling.
	Direct Convention = "direct"
)

// Naming gives fields their column names. The zero Naming names by what the
// table has: the convention of its columns, snake_case for a new table.
type Naming struct {
	Convention Convention
	// Existing lists the columns that the table has now.
	Existing []string
	// Landed tells which column a field went to in an earlier load, by field.
	// A field in it keeps that column whatever else it meets.
	Landed map[string]string
	// MaxBytes is the destination's limit for an identifier; 0 means none. It
	// is at least 16 otherwise, so that a shortened name keeps a sense.
	MaxBytes int
	// Reserved lists names, in lower case, that no column can have.
	Reserved []string
}

// Columns returns the column name of each field, in the order of fields, and a
// warning for each name that had to give way to another. Names differ from
// each other in more than their case, and depend on the set of fields alone,
// not on its order. A column that exists is spelled as it exists.
func (n Naming) Columns(fields []string) (columns, warnings []string, err error) {
	byName := slices.Clone(fields)
	slices.Sort(byName)
	if i := duplicate(byName); i >= 0 {
		return nil, nil, &Error{Op: "name columns", Err: fmt.Errorf("field %s comes twice", byName[i])}
	}
	existing := make(map[string]string, len(n.Existing))
	for _, c := range n.Existing {
		existing[fold(c)] = c
	}
	plain := n.rule(fields, existing)

	taken := make(map[string]string, len(fields)) // folded column -> field
	named := make(map[string]string, len(fields)) // field -> column
	take := func(field, column string) {
		taken[fold(column)] = field
		if spelled, ok := existing[fold(column)]; ok {
			column = spelled
		}
		named[field] = column
	}
	for _, f := range byName {
		if c, ok := n.Landed[f]; ok && taken[fold(c)] == "" {
			take(f, c)
		}
	}
	// A field whose suffixed column exists has lost its plain name before.
	slices.SortStableFunc(byName, func(a, b string) int {
		_, lostA := existing[fold(n.suffixed(plain(a), a, 0))]
		_, lostB := existing[fold(n.suffixed(plain(b), b, 0))]
		return cmp.Compare(btoi(lostA), btoi(lostB))
	})
	for _, f := range byName {
		if _, ok := named[f]; ok {
			continue
		}
		column := plain(f)
		other, met := taken[fold(column)]
		for i := 0; taken[fold(column)] != ""; i++ {
			column = n.suffixed(plain(f), f, i)
		}
		take(f, column)
		if met {
			warnings = append(warnings, fmt.Sprintf("fields %s and %s meet in the column name %s: %s is named %s",
				other, f, named[other], f, named[f]))
		}
	}
	for _, f := range fields {
		columns = append(columns, named[f])
	}
	return columns, warnings, nil
}

// rule returns the func that names a field when nothing stands in its way.
func (n Naming) rule(fields []string, existing map[string]string) func(string) string {
	convention := n.Convention
	if convention == "" {
		convention = detect(fields, existing)
	}
	return func(field string) string {
		name := field
		if convention == SnakeCase {
			name = Snake(field)
		}
		if n.fits(name) && !slices.Contains(n.Reserved, fold(name)) {
			return name
		}
		return n.suffixed(name, field, 0)
	}
}

func (n Naming) fits(name string) bool { return n.MaxBytes == 0 || len(name) <= n.MaxBytes }

// suffixed is name with a hash of field at its end, shortened to the limit.
// The hash is 6 hex digits long; each try adds two, up to 14.
func (n Naming) suffixed(name, field string, try int) string {
	sum := sha256.Sum256([]byte(field))
	suffix := "_" + hex.EncodeToString(sum[:])[:min(6+2*try, 14)]
	if !n.fits(name + suffix) {
		name = cut(name, max(0, n.MaxBytes-len(suffix)))
	}
	return name + suffix
}

// detect tells the convention of a table that holds some of fields, by those
// that the two conventions spell differently.
func detect(fields []string, existing map[string]string) Convention {
	var snake, direct int
	for _, f := range fields {
		s := Snake(f)
		if fold(s) == fold(f) {
			continue
		}
		if _, ok := existing[fold(s)]; ok {
			snake++
		}
		if _, ok := existing[fold(f)]; ok {
			direct++
		}
	}
	if direct > snake {
		return Direct
	}
	return SnakeCase
}

// Snake writes a name of the upstream system in snake_case: HTTPServer is
// http_server, My__Field__c is my__field__c. It names tables after objects and
// columns after fields.
func Snake(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		if i > 0 && wordStarts(runes, i) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// wordStarts says whether the capital at i begins a word: after a small letter
// or a digit, or as the last of a row of capitals before a small letter.
func wordStarts(runes []rune, i int) bool {
	if !unicode.IsUpper(runes[i]) {
		return false
	}
	before := runes[i-1]
	if unicode.IsLower(before) || unicode.IsDigit(before) {
		return true
	}
	return unicode.IsUpper(before) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
}

// fold makes names that differ in case alone equal, as databases that fold
// identifiers see them.
func fold(name string) string { return strings.ToLower(name) }

// cut shortens s to n bytes or fewer, never inside a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// duplicate returns the index of an entry equal to the one before it, or -1.
func duplicate(sorted []string) int {
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return i
		}
	}
	return -1
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
