package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Known is a table that the catalog lists under a public name.
type Known struct {
	// Name is what the user writes: "account".
	Name string `yaml:"name"`
	// Object is the upstream system's name: "Account".
	Object string `yaml:"object"`
	// Key and CursorKey are public column names: "id", "last_timestamp". They
	// are empty when the table has none.
	Key       string `yaml:"key"`
	CursorKey string `yaml:"cursor"`
	// Strategy is how the table is loaded unless the user says otherwise.
	Strategy    string `yaml:"strategy"`
	Description string `yaml:"description"`
}

// Catalog is the list of known tables. It does not change once parsed.
type Catalog struct{ tables []Known }

// ParseCatalog reads tables.yaml. It refuses what it does not understand,
// naming the line.
func ParseCatalog(text []byte) (*Catalog, error) {
	var file struct {
		Tables []entry `yaml:"tables"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("tables.yaml: %w", err)
	}
	if dec.Decode(new(yaml.Node)) == nil {
		return nil, errors.New("tables.yaml: a second document follows the first")
	}
	c := &Catalog{}
	for _, e := range file.Tables {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("tables.yaml: line %d: %w", e.line, err)
		}
		if _, taken := c.Lookup(e.Name); taken {
			return nil, fmt.Errorf("tables.yaml: line %d: the name %s is taken", e.line, e.Name)
		}
		c.tables = append(c.tables, e.Known)
	}
	return c, nil
}

// entry is a Known and the line that it begins at.
type entry struct {
	Known
	line int
}

// UnmarshalYAML notes the line. A node decodes without KnownFields, so the
// keys are checked here.
func (e *entry) UnmarshalYAML(n *yaml.Node) error {
	e.line = n.Line
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			if key := n.Content[i]; !slices.Contains(keys, key.Value) {
				return fmt.Errorf("line %d: unknown key %q: the keys are %s", key.Line, key.Value, strings.Join(keys, ", "))
			}
		}
	}
	return n.Decode(&e.Known)
}

var keys = []string{"name", "object", "key", "cursor", "strategy", "description"}

// publicName is a name that needs no quotes on the command line nor in SQL.
var publicName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func (k Known) check() error {
	switch {
	case k.Name == "" || k.Object == "" || k.Description == "":
		return errors.New("name, object and description are needed")
	case !publicName.MatchString(k.Name):
		return fmt.Errorf("name %q is not made of up to 63 lower-case letters, digits and _", k.Name)
	case k.Strategy != "replace" && k.Strategy != "append" && k.Strategy != "merge":
		return fmt.Errorf("strategy %q is none of replace, append and merge", k.Strategy)
	case k.Strategy == "merge" && (k.Key == "" || k.CursorKey == ""):
		return errors.New("merge needs a key and a cursor")
	}
	return nil
}

// Tables are all known tables, in the order of the file.
func (c *Catalog) Tables() []Known { return slices.Clone(c.tables) }

// Lookup finds a table by its public name, whatever its case.
func (c *Catalog) Lookup(name string) (Known, bool) {
	for _, k := range c.tables {
		if strings.EqualFold(k.Name, name) {
			return k, true
		}
	}
	return Known{}, false
}

// maxName bounds the work of comparing names: Salesforce's have at most 80
// characters, with their namespace and suffix.
const maxName = 100

// Nearest gives up to three names that name may have been meant to be, best
// first, out of the catalog and more. It is empty when none is near.
func (c *Catalog) Nearest(name string, more []string) []string {
	type near struct {
		name  string
		edits int
	}
	if len(name) > maxName {
		return nil
	}
	var found []near
	consider := func(candidate string) {
		if len(candidate) > maxName {
			return
		}
		edits := edits(strings.ToLower(name), strings.ToLower(candidate))
		if edits <= 1+len(candidate)/4 && edits < len(candidate) {
			found = append(found, near{candidate, edits})
		}
	}
	for _, k := range c.tables {
		consider(k.Name)
	}
	for _, m := range more {
		consider(m)
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.edits - b.edits })
	var names []string
	for _, n := range found {
		if len(names) < 3 && !slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, n.name) }) {
			names = append(names, n.name)
		}
	}
	return names
}

// edits counts the characters to insert, drop, change or swap with their
// neighbour to make b from a (optimal string alignment).
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range len(b) {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
