package fakeorg

import (
	"errors"
	"slices"
	"strings"
	"time"

	"sluice/source/salesforce/fakeorg/soql"
)

// binder gives the names in a query their meaning in the org. Every object is
// seen as it was when the first name of it was bound.
type binder struct {
	org   *Org
	query *soql.Query
	view  *view
	views map[string]*view
	all   bool
	now   time.Time
}

// plan understands a REST query.
func (o *Org) plan(text string, all bool) (*plan, *apiError) {
	q, err := parse(text)
	if err != nil {
		return nil, err
	}
	return o.bind(q, all)
}

func parse(text string) (*soql.Query, *apiError) {
	q, err := soql.Parse(text)
	if e := (*soql.Error)(nil); errors.As(err, &e) {
		return nil, badRequest(e.Code, e.Message)
	}
	return q, nil
}

func (o *Org) bind(q *soql.Query, all bool) (*plan, *apiError) {
	b := &binder{org: o, query: q, views: map[string]*view{}, all: all, now: o.clock.Now()}
	if b.view = b.object(q.From.Text); b.view == nil || b.view.object.ghost {
		return nil, b.refuse(q.From.Pos, "INVALID_TYPE", "sObject type '"+q.From.Text+"' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.")
	}
	if !b.view.object.Queryable {
		return nil, b.refuse(q.From.Pos, "INVALID_TYPE_FOR_OPERATION", "entity type "+b.view.object.Name+" does not support query")
	}
	p := &plan{view: b.view, all: all, limit: q.Limit, offset: max(q.Offset, 0)}
	for _, step := range []func(*plan) *apiError{b.selection, b.filter, b.restriction, b.sorting} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// object is the view of an object, the same one whenever it is asked for.
func (b *binder) object(name string) *view {
	key := strings.ToLower(name)
	if _, seen := b.views[key]; !seen {
		b.views[key] = b.org.view(name)
	}
	return b.views[key]
}

func (b *binder) refuse(pos int, code, text string) *apiError {
	e := soql.At(b.query.Text, pos, code, text)
	return badRequest(e.Code, e.Message)
}

// selection binds what stands between SELECT and FROM.
func (b *binder) selection(p *plan) *apiError {
	items := b.query.Items
	if len(items) == 1 && items[0].Func == "COUNT" && items[0].Field.Text == "" {
		p.countOnly = true
		return nil
	}
	if len(b.query.GroupBy) > 0 || slices.ContainsFunc(items, soql.Item.Aggregate) {
		return b.aggregation(p)
	}
	seen := map[string]bool{}
	for _, item := range items {
		columns, err := b.selected(item)
		if err != nil {
			return err
		}
		for _, c := range columns {
			if seen[c.name] {
				return b.refuse(item.Pos, "INVALID_FIELD", "duplicate field selected: "+c.name)
			}
			seen[c.name] = true
			p.columns = append(p.columns, c)
		}
	}
	return nil
}

// selected binds one item: a field, a function that only changes how a field
// is shown, or FIELDS().
func (b *binder) selected(item soql.Item) ([]column, *apiError) {
	switch {
	case item.Sub != nil:
		return nil, b.refuse(item.Pos, "MALFORMED_QUERY", "queries of child records are not served by this org")
	case item.TypeOf:
		return nil, b.refuse(item.Pos, "MALFORMED_QUERY", "TYPEOF is not served by this org")
	case item.Func == "FIELDS":
		return b.expand(item)
	case item.Func != "" && item.Func != "TOLABEL" && item.Func != "FORMAT" && item.Func != "CONVERTCURRENCY":
		return nil, b.refuse(item.Pos, "MALFORMED_QUERY", "unexpected token: '"+item.Func+"'")
	}
	c, err := b.column(item.Field)
	return []column{c}, err
}

// maxFields is the LIMIT that FIELDS(ALL) and FIELDS(CUSTOM) need at most.
const maxFields = 200

func (b *binder) expand(item soql.Item) ([]column, *apiError) {
	which := strings.ToUpper(item.Field.Text)
	if which != "STANDARD" && (b.query.Limit < 0 || b.query.Limit > maxFields) {
		return nil, b.refuse(item.Pos, "MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200")
	}
	var columns []column
	for _, f := range b.view.object.Fields {
		if which == "ALL" || which == "CUSTOM" && f.Custom || which == "STANDARD" && !f.Custom {
			columns = append(columns, column{name: f.Name, field: f, meta: f})
		}
	}
	if len(columns) == 0 {
		return nil, b.refuse(item.Pos, "MALFORMED_QUERY", "'FIELDS(...)' expansion function must result in at least one field being selected.")
	}
	return columns, nil
}

// maxDepth is how many references a path may go along.
const maxDepth = 5

// column binds a field or a path to the field of a parent.
func (b *binder) column(name soql.Name) (column, *apiError) {
	parts := strings.Split(name.Text, ".")
	if len(parts) > 1 && (strings.EqualFold(parts[0], b.query.Alias) || strings.EqualFold(parts[0], b.query.From.Text)) && b.view.object.relation(parts[0]) == nil {
		parts = parts[1:]
	}
	var c column
	at := []*view{b.view}
	for i, part := range parts[:len(parts)-1] {
		next, s := b.step(at, part)
		if next == nil || i >= maxDepth {
			return c, b.refuse(name.Pos, "INVALID_FIELD", "Didn't understand relationship '"+part+"' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.")
		}
		at, c.path, c.name = next, append(c.path, s), c.name+s.ref.Relationship+"."
	}
	return c, b.field(&c, at, name, parts[len(parts)-1])
}

// step goes from the objects at along a reference. A reference with several
// targets ends the path: only names can be had of those.
func (b *binder) step(at []*view, relation string) ([]*view, step) {
	if len(at) != 1 {
		return nil, step{}
	}
	ref := at[0].object.relation(relation)
	if ref == nil {
		return nil, step{}
	}
	s := step{ref: ref}
	var next []*view
	for _, name := range ref.ReferenceTo {
		if v := b.object(name); v != nil {
			next, s.targets = append(next, v), append(s.targets, target{view: v})
		}
	}
	return next, s
}

// field finds the last part of a path in the objects that it leads to.
func (b *binder) field(c *column, at []*view, name soql.Name, part string) *apiError {
	found := (*Field)(nil)
	for i, v := range at {
		f := v.object.Field(part)
		if f == nil {
			continue
		}
		found = f
		if len(at) > 1 {
			c.path[len(c.path)-1].targets[i].field = f
		}
	}
	if found == nil {
		return b.refuse(name.Pos, "INVALID_FIELD", "No such column '"+part+"' on entity '"+at[0].object.Name+"'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.")
	}
	if c.name += found.Name; len(at) == 1 {
		c.field = found
	}
	c.meta = found
	return nil
}

// restriction refuses to go through all rows of the objects that want to be
// asked about one parent.
func (b *binder) restriction(p *plan) *apiError {
	o := p.view.object
	if o.Restricted == nil || b.pinned(b.query.Where) {
		return nil
	}
	return badRequest("MALFORMED_QUERY", "Implementation restriction: "+o.Name+" requires a filter by a single Id on "+strings.Join(o.Restricted, " or ")+" using the equals operator or multiple Id's using the IN operator.")
}

func (b *binder) pinned(e soql.Expr) bool {
	switch e := e.(type) {
	case *soql.And:
		return slices.ContainsFunc(e.Parts, b.pinned)
	case *soql.Compare:
		f := b.view.object.Field(e.Left.Field.Text)
		return f != nil && slices.Contains(b.view.object.Restricted, f.Name) && (e.Op == "=" || e.Op == "IN")
	default:
		return false
	}
}
