package fakeorg

import (
	"slices"
	"strings"
	"time"

	"sluice/source/salesforce/fakeorg/soql"
)

// test says whether a row is wanted. SOQL knows two truth values only: a
// comparison with a null is true or false.
type test func(row uint32) bool

// filter compiles WHERE.
func (b *binder) filter(p *plan) *apiError {
	if b.query.Where == nil {
		return nil
	}
	t, err := b.condition(b.query.Where)
	p.match = t
	return err
}

func (b *binder) condition(e soql.Expr) (test, *apiError) {
	switch e := e.(type) {
	case *soql.And:
		parts, err := b.conditions(e.Parts)
		return func(row uint32) bool {
			for _, t := range parts {
				if !t(row) {
					return false
				}
			}
			return true
		}, err
	case *soql.Or:
		parts, err := b.conditions(e.Parts)
		return func(row uint32) bool { return slices.ContainsFunc(parts, func(t test) bool { return t(row) }) }, err
	case *soql.Not:
		t, err := b.condition(e.Part)
		return func(row uint32) bool { return !t(row) }, err
	case *soql.Compare:
		return b.comparison(e)
	default:
		return nil, badRequest("MALFORMED_QUERY", "unexpected condition")
	}
}

func (b *binder) conditions(list []soql.Expr) ([]test, *apiError) {
	tests := make([]test, len(list))
	for i, e := range list {
		t, err := b.condition(e)
		if err != nil {
			return nil, err
		}
		tests[i] = t
	}
	return tests, nil
}

// operand is the left side of a comparison.
type operand struct {
	name string
	kind kind
	meta *Field
	get  func(row uint32) value
}

func (b *binder) operand(item soql.Item) (*operand, *apiError) {
	c, err := b.column(item.Field)
	if err != nil {
		return nil, err
	}
	if !c.meta.Filterable || c.meta.compound() {
		return nil, b.refuse(item.Pos, "INVALID_FIELD", "field '"+c.meta.Name+"' can not be filtered in a query call")
	}
	v, f := b.view, c.field
	x := &operand{name: c.meta.Name, kind: c.meta.kind(), meta: c.meta, get: func(row uint32) value { return c.value(v, row) }}
	if len(c.path) == 0 {
		x.get = func(row uint32) value { return v.cell(row, f) }
	}
	if item.Func == "" {
		return x, nil
	}
	if x.get, err = b.datePart(item, x.kind, x.get); err != nil {
		return nil, err
	}
	x.kind = dateParts[item.Func](value{kind: kindDate}).kind
	return x, nil
}

// datePart takes a part of the dates that whole gives, in the time zone that the
// org reckons in; null stays null.
func (b *binder) datePart(item soql.Item, k kind, whole func(row uint32) value) (func(row uint32) value, *apiError) {
	part, zone := dateParts[item.Func], b.org.knob().Zone
	if part == nil || k != kindDate && k != kindDateTime {
		return nil, b.refuse(item.Pos, "MALFORMED_QUERY", "unexpected token: '"+item.Func+"'")
	}
	return func(row uint32) value {
		c := whole(row)
		if c.kind == kindNull {
			return value{}
		}
		if k == kindDateTime && zone != nil {
			_, east := time.UnixMilli(c.num).In(zone).Zone()
			c.num += int64(east) * 1000
		}
		return part(c)
	}, nil
}

// dateParts are the date functions, of what a clock on the wall shows.
var dateParts = map[string]func(value) value{
	"CALENDAR_YEAR":    datePart(func(t time.Time) int { return t.Year() }),
	"CALENDAR_QUARTER": datePart(func(t time.Time) int { return (int(t.Month())-1)/3 + 1 }),
	"CALENDAR_MONTH":   datePart(func(t time.Time) int { return int(t.Month()) }),
	"DAY_IN_MONTH":     datePart(time.Time.Day),
	"DAY_IN_WEEK":      datePart(func(t time.Time) int { return int(t.Weekday()) + 1 }),
	"DAY_IN_YEAR":      datePart(time.Time.YearDay),
	"HOUR_IN_DAY":      datePart(time.Time.Hour),
	"DAY_ONLY":         func(v value) value { return dateValue(v.num) },
}

func datePart(part func(time.Time) int) func(value) value {
	return func(v value) value { return intValue(int64(part(time.UnixMilli(v.num).UTC()))) }
}

func (b *binder) comparison(e *soql.Compare) (test, *apiError) {
	x, err := b.operand(e.Left)
	if err != nil {
		return nil, err
	}
	switch {
	case e.Sub != nil:
		return b.join(x, e)
	case e.Op == "INCLUDES" || e.Op == "EXCLUDES":
		return b.includes(x, e)
	case e.Op == "IN" || e.Op == "NOT IN":
		return b.in(x, e)
	default:
		return b.compare(x, e.Op, e.Value)
	}
}

// literal turns a literal into a value of the operand's kind, or refuses it.
func (b *binder) literal(x *operand, l soql.Literal) (value, *apiError) {
	switch {
	case l.Kind == soql.Null, l.Kind == soql.String && l.Text == "" && x.kind != kindBool:
		return value{}, nil
	case l.Kind == soql.String && x.kind == kindText:
		return textValue(l.Text), nil
	case l.Kind == soql.String && x.kind == kindID:
		if !wellFormedID(l.Text) {
			return value{}, b.refuse(l.Pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: "+l.Text)
		}
		return idValue(l.Text[:15]), nil
	case l.Kind == soql.Bool && x.kind == kindBool:
		return boolValue(l.Bool), nil
	case l.Kind == soql.Number && (x.kind == kindInt || x.kind == kindDouble):
		return doubleValue(l.Num), nil
	case l.Kind == soql.Date && x.kind == kindDate:
		return dateValue(l.Time.UnixMilli()), nil
	case l.Kind == soql.DateTime && x.kind == kindDateTime:
		return stampValue(l.Time.Unix() * 1000), nil
	}
	should := map[kind]string{
		kindText: "string and should be enclosed in quotes", kindID: "ID and should be enclosed in quotes", kindBool: "boolean and should not be enclosed in quotes",
		kindInt: "int and should not be enclosed in quotes", kindDouble: "double and should not be enclosed in quotes", kindDate: "date and should not be enclosed in quotes",
		kindDateTime: "dateTime and should not be enclosed in quotes", kindTime: "time and should not be enclosed in quotes",
	}[x.kind]
	return value{}, b.refuse(l.Pos, "INVALID_FIELD", "value of filter criterion for field '"+x.name+"' must be of type "+should)
}

func (b *binder) compare(x *operand, op string, l soql.Literal) (test, *apiError) {
	switch {
	case op == "LIKE":
		return b.like(x, l)
	case l.Kind == soql.Span && (x.kind == kindDate || x.kind == kindDateTime):
		from, to := l.Bounds(b.now)
		return x.span(op, from.UnixMilli(), to.UnixMilli()), nil
	}
	want, err := b.literal(x, l)
	if err != nil {
		return nil, err
	}
	if x.kind == kindBool {
		if op != "=" && op != "!=" {
			return nil, b.refuse(l.Pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on boolean field")
		}
		// A null stands for false.
		return func(row uint32) bool { return (x.get(row).num == want.num) == (op == "=") }, nil
	}
	return x.ordered(op, want), nil
}

// ordered compares with one value. Nothing but = and != holds for a null.
func (x *operand) ordered(op string, want value) test {
	order := x.order(want)
	compare := map[string]func(c int) bool{
		"=": func(c int) bool { return c == 0 }, "!=": func(c int) bool { return c != 0 }, "<": func(c int) bool { return c < 0 },
		"<=": func(c int) bool { return c <= 0 }, ">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
	}[op]
	return func(row uint32) bool {
		got := x.get(row)
		if got.kind == kindNull || want.kind == kindNull {
			switch op {
			case "=":
				return got.kind == want.kind
			case "!=":
				return got.kind != want.kind
			default:
				return false
			}
		}
		return compare(order(got))
	}
}

// order compares cells of the operand with a value that is not null.
func (x *operand) order(want value) func(got value) int {
	switch x.kind {
	case kindID:
		return func(got value) int { return strings.Compare(got.s[:15], want.s) }
	case kindText:
		upper := strings.ToUpper(want.s)
		return func(got value) int { return strings.Compare(strings.ToUpper(got.s), upper) }
	case kindInt:
		return func(got value) int { return compareFloat(float64(got.num), want.f) }
	case kindDouble:
		return func(got value) int { return compareFloat(got.f, want.f) }
	default: // to the second, as the parts of a second in a filter do not count
		return func(got value) int { return compareFloat(float64((got.num-mod(got.num, 1000))-want.num), 0) }
	}
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// span compares with a span of time such as TODAY.
func (x *operand) span(op string, from, to int64) test {
	return func(row uint32) bool {
		got := x.get(row)
		if got.kind == kindNull {
			return op == "!="
		}
		switch at := got.num; op {
		case "=":
			return at >= from && at < to
		case "!=":
			return at < from || at >= to
		case "<":
			return at < from
		case "<=":
			return at < to
		case ">":
			return at >= to
		default:
			return at >= from
		}
	}
}

func (b *binder) like(x *operand, l soql.Literal) (test, *apiError) {
	if x.kind != kindText {
		return nil, b.refuse(l.Pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on "+x.meta.Type+" field")
	}
	if _, err := b.literal(x, l); err != nil {
		return nil, err
	}
	pattern := l.Like
	return func(row uint32) bool {
		got := x.get(row)
		return got.kind != kindNull && like(pattern, []rune(got.s))
	}, nil
}

func (b *binder) in(x *operand, e *soql.Compare) (test, *apiError) {
	wanted, null := map[string]bool{}, false
	var others []test
	for _, l := range e.List {
		if x.kind != kindText && x.kind != kindID {
			t, err := b.compare(x, "=", l)
			if err != nil {
				return nil, err
			}
			others = append(others, t)
			continue
		}
		v, err := b.literal(x, l)
		if err != nil {
			return nil, err
		}
		null = null || v.kind == kindNull
		wanted[x.fold(v)] = true
	}
	not := e.Op == "NOT IN"
	return func(row uint32) bool {
		if others != nil {
			return slices.ContainsFunc(others, func(t test) bool { return t(row) }) != not
		}
		got := x.get(row)
		if got.kind == kindNull {
			return null != not
		}
		return wanted[x.fold(got)] != not
	}, nil
}

// fold makes texts and ids that SOQL takes as equal the same.
func (x *operand) fold(v value) string {
	if x.kind == kindID && v.kind == kindID {
		return v.s[:15]
	}
	return strings.ToUpper(v.s)
}

// join is IN with a query of other rows.
func (b *binder) join(x *operand, e *soql.Compare) (test, *apiError) {
	if x.kind != kindID {
		return nil, b.refuse(e.Left.Pos, "INVALID_FIELD", "The left operand '"+x.name+"' cannot be used with a semi join: it is no ID field")
	}
	p, err := b.org.bind(e.Sub, b.all)
	if err != nil {
		return nil, err
	}
	if len(p.columns) != 1 || p.columns[0].meta != nil && p.columns[0].meta.kind() != kindID {
		return nil, b.refuse(e.Left.Pos, "MALFORMED_QUERY", "The inner select of a semi join must have one ID field")
	}
	wanted := map[string]bool{}
	for _, row := range p.rows() {
		if v := p.columns[0].value(p.view, row); v.kind != kindNull {
			wanted[v.s[:15]] = true
		}
	}
	not := e.Op == "NOT IN"
	return func(row uint32) bool {
		got := x.get(row)
		return (got.kind != kindNull && wanted[got.s[:15]]) != not
	}, nil
}

// includes looks for values of a multi-select picklist: 'a;b' means both.
func (b *binder) includes(x *operand, e *soql.Compare) (test, *apiError) {
	if x.meta.Type != "multipicklist" {
		return nil, b.refuse(e.Left.Pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on "+x.meta.Type+" field")
	}
	var sets [][]string
	for _, l := range e.List {
		v, err := b.literal(x, l)
		if err != nil {
			return nil, err
		}
		sets = append(sets, strings.Split(strings.ToUpper(v.s), ";"))
	}
	not := e.Op == "EXCLUDES"
	return func(row uint32) bool {
		have := strings.Split(strings.ToUpper(x.get(row).s), ";")
		found := slices.ContainsFunc(sets, func(set []string) bool {
			return !slices.ContainsFunc(set, func(s string) bool { return !slices.Contains(have, s) })
		})
		return found != not
	}, nil
}
