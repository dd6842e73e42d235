package fakeorg

// tree writes selected columns as nested JSON: the columns of a parent lie in
// an object of their own, at the place of the first of them.
type tree struct {
	base   string // "/services/data/v64.0"
	plain  bool   // numbers without exponents
	leaves []leaf
}

type leaf struct {
	name  string
	field *Field
	step  *step // of a parent
	below *tree
	byRef map[*view]*Field // the field of a parent, by the object it is
}

func newTree(columns []column) *tree {
	t := &tree{}
	for i := range columns {
		t.add(&columns[i], 0)
	}
	return t
}

func (t *tree) add(c *column, depth int) {
	if depth == len(c.path) {
		l := leaf{field: c.field}
		if c.field != nil {
			l.name = c.field.Name
		}
		if depth > 0 {
			l.byRef = map[*view]*Field{}
			for _, target := range c.path[depth-1].targets {
				if target.field != nil {
					l.byRef[target.view], l.name = target.field, target.field.Name
				} else {
					l.byRef[target.view] = c.field
				}
			}
		}
		t.leaves = append(t.leaves, l)
		return
	}
	s := &c.path[depth]
	for i := range t.leaves {
		if l := &t.leaves[i]; l.step != nil && l.step.ref == s.ref {
			l.below.add(c, depth+1)
			return
		}
	}
	below := &tree{}
	t.leaves = append(t.leaves, leaf{name: s.ref.Relationship, step: s, below: below})
	below.add(c, depth+1)
}

// append writes one record.
func (t *tree) append(b []byte, v *view, row uint32) []byte {
	b = appendAttributes(b, t.base, v, row)
	for i := range t.leaves {
		l := &t.leaves[i]
		b = append(b, ',', '"')
		b = append(b, l.name...)
		b = append(b, '"', ':')
		b = l.append(b, t, v, row)
	}
	return append(b, '}')
}

func appendAttributes(b []byte, base string, v *view, row uint32) []byte {
	b = append(b, `{"attributes":{"type":"`...)
	b = append(b, v.object.Name...)
	b = append(b, `","url":"`...)
	b = append(b, base...)
	b = append(b, "/sobjects/"...)
	b = append(b, v.object.Name...)
	b = append(b, '/')
	b = appendID(b, v.object.Prefix, row+1)
	return append(b, `"}`...)
}

func (l *leaf) append(b []byte, t *tree, v *view, row uint32) []byte {
	if l.step != nil {
		target, parent, ok := l.step.follow(v, row)
		if !ok {
			return append(b, "null"...)
		}
		l.below.base, l.below.plain = t.base, t.plain
		return l.below.append(b, target.view, parent)
	}
	field := l.field
	if l.byRef != nil {
		field = l.byRef[v]
	}
	if field == nil {
		return append(b, "null"...)
	}
	return appendField(b, t.base, v, row, field, t.plain)
}

// appendField writes a value in REST's form, compound fields and blobs
// included.
func appendField(b []byte, base string, v *view, row uint32, f *Field, plain bool) []byte {
	switch {
	case f.compound():
		return appendCompound(b, v, row, f, plain)
	case f.Type == "base64":
		if v.cell(row, f).kind == kindNull {
			return append(b, "null"...)
		}
		b = append(append(append(b, '"'), base...), "/sobjects/"...)
		b = append(append(b, v.object.Name...), '/')
		b = append(appendID(b, v.object.Prefix, row+1), '/')
		return append(append(b, f.Name...), '"')
	default:
		return appendJSON(b, v.cell(row, f), plain)
	}
}

// addressKeys are the parts of an address in JSON, in their order, with the
// endings of the fields that hold them.
var addressKeys = [...][2]string{
	{"city", "City"},
	{"country", "Country"},
	{"geocodeAccuracy", "GeocodeAccuracy"},
	{"latitude", "Latitude"},
	{"longitude", "Longitude"},
	{"postalCode", "PostalCode"},
	{"state", "State"},
	{"street", "Street"},
}

// appendCompound writes an address or a location; null when it has no parts.
func appendCompound(b []byte, v *view, row uint32, f *Field, plain bool) []byte {
	start, any := len(b), false
	for _, key := range addressKeys {
		part := f.part(key[1])
		if part == nil && (f.Type == "location" || key[1] != "GeocodeAccuracy") {
			continue
		}
		c := value{}
		if part != nil {
			c = v.cell(row, part)
		}
		any = any || c.kind != kindNull
		if len(b) == start {
			b = append(b, '{', '"')
		} else {
			b = append(b, ',', '"')
		}
		b = append(append(b, key[0]...), '"', ':')
		b = appendJSON(b, c, plain)
	}
	if !any {
		return append(b[:start], "null"...)
	}
	return append(b, '}')
}

// part finds the component of a compound field by the end of its name.
func (f *Field) part(ending string) *Field {
	for _, p := range f.parts {
		if hasEnding(p.Name, ending) {
			return p
		}
	}
	return nil
}

func hasEnding(name, ending string) bool {
	for _, tail := range []string{ending, ending + "__s"} {
		if len(name) >= len(tail) && name[len(name)-len(tail):] == tail {
			return true
		}
	}
	return false
}
