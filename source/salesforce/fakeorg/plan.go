package fakeorg

// column is one selected value: a field of the row itself, or of a row that is
// reached along references.
type column struct {
	name  string // as selected, in canonical spelling: "Account.Owner.Name"
	path  []step
	field *Field // of the last object; nil when a step has several targets
	meta  *Field // tells the type, also then
}

// step goes along one reference.
type step struct {
	ref     *Field
	targets []target
}

// target is one object that a reference may point at. A field that this object
// does not have is null.
type target struct {
	view  *view
	field *Field // set in the last step only
}

// value is the column's value in a row of v.
func (c *column) value(v *view, row uint32) value {
	if len(c.path) == 0 {
		return v.cell(row, c.field)
	}
	field := c.field
	for i := range c.path {
		t, next, ok := c.path[i].follow(v, row)
		if !ok {
			return value{}
		}
		v, row = t.view, next
		if t.field != nil {
			field = t.field
		}
	}
	if field == nil {
		return value{}
	}
	return v.cell(row, field)
}

// follow finds the row that a reference points at. A parent in the recycle bin
// is still a parent.
func (s *step) follow(v *view, row uint32) (*target, uint32, bool) {
	id := v.cell(row, s.ref)
	if id.kind == kindNull {
		return nil, 0, false
	}
	for i := range s.targets {
		if next, ok := s.targets[i].view.rowOf(id.s); ok {
			return &s.targets[i], next, true
		}
	}
	return nil, 0, false
}

// plan is a query that was understood, over tables as they were at its start.
type plan struct {
	view      *view
	all       bool // deleted and archived rows too
	columns   []column
	match     func(row uint32) bool // nil for every row
	sort      func(rows []uint32)   // nil for the order of the ids
	limit     int                   // -1 for none
	offset    int
	countOnly bool // SELECT COUNT()
	aggregate func(rows []uint32) ([]byte, int)
}

// rows are the matching rows, in order.
func (p *plan) rows() []uint32 {
	var rows []uint32
	for row := range p.view.n {
		if p.view.visible(row, p.all) && (p.match == nil || p.match(row)) {
			rows = append(rows, row)
			if p.sort == nil && p.limit >= 0 && p.aggregate == nil && len(rows) >= p.limit+p.offset {
				break
			}
		}
	}
	if p.aggregate != nil {
		return rows
	}
	if p.sort != nil {
		p.sort(rows)
	}
	rows = rows[min(p.offset, len(rows)):]
	if p.limit >= 0 {
		rows = rows[:min(p.limit, len(rows))]
	}
	return rows
}

func (p *plan) names() []string {
	names := make([]string, len(p.columns))
	for i := range p.columns {
		names[i] = p.columns[i].name
	}
	return names
}
