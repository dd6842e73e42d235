package fakeorg

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sluice/source/salesforce/fakeorg/soql"
)

// group is what rows are grouped by: a field, or the part of a date that a
// function takes from it.
type group struct {
	item soql.Item
	name string // of the field
	get  func(row uint32) value
}

// output is one value of an aggregate row: what the rows are grouped by, or a
// function over the rows of a group.
type output struct {
	name   string
	item   soql.Item
	column column
	group  *group // nil for a function over rows
}

// aggregation binds a query with GROUP BY or aggregate functions.
func (b *binder) aggregation(p *plan) *apiError {
	groups, err := b.groups()
	if err != nil {
		return err
	}
	outputs, err := b.outputs(groups)
	if err != nil {
		return err
	}
	q := b.query
	switch {
	case q.Having != nil:
		return b.refuse(q.From.Pos, "MALFORMED_QUERY", "HAVING is not served by this org")
	case len(groups) == 0 && q.Limit >= 0:
		return b.refuse(q.From.Pos, "MALFORMED_QUERY", "LIMIT clause is not allowed with an aggregate function without GROUP BY")
	}
	p.aggregate = func(rows []uint32) ([]byte, int) {
		table := b.summarise(groups, outputs, rows)
		if q.Limit >= 0 {
			table = table[:min(q.Limit, len(table))]
		}
		return appendGroups(nil, outputs, table), len(table)
	}
	return nil
}

// groups binds GROUP BY. A datetime cannot be grouped by itself, but by its
// month.
func (b *binder) groups() ([]group, *apiError) {
	var groups []group
	for _, item := range b.query.GroupBy {
		c, err := b.column(item.Field)
		if err != nil {
			return nil, err
		}
		g := group{item: item, name: c.name, get: func(row uint32) value { return c.value(b.view, row) }}
		if item.Func != "" {
			if g.get, err = b.datePart(item, c.meta.kind(), g.get); err != nil {
				return nil, err
			}
		} else if !c.meta.Groupable {
			return nil, b.refuse(item.Pos, "INVALID_FIELD", "field '"+c.meta.Name+"' can not be grouped in a query call")
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// outputs binds the selected items. A function without an alias is expr0,
// expr1 and so on.
func (b *binder) outputs(groups []group) ([]output, *apiError) {
	var outputs []output
	unnamed := 0
	for _, item := range b.query.Items {
		out := output{name: item.Alias, item: item}
		if item.Field.Text != "" {
			c, err := b.column(item.Field)
			if err != nil {
				return nil, err
			}
			out.column = c
		}
		if !item.Aggregate() {
			at := slices.IndexFunc(groups, func(g group) bool { return g.name == out.column.name && g.item.Func == item.Func })
			if at < 0 {
				return nil, b.refuse(item.Pos, "MALFORMED_QUERY", "Field must be grouped or aggregated: "+item.Field.Text)
			}
			out.group = &groups[at]
		}
		switch {
		case out.name != "":
		case item.Func != "":
			out.name = fmt.Sprintf("expr%d", unnamed)
			unnamed++
		default:
			out.name = out.column.meta.Name
		}
		if err := b.summable(item, out.column); err != nil {
			return nil, err
		}
		outputs = append(outputs, out)
	}
	return outputs, nil
}

// summable refuses sums of what is no number.
func (b *binder) summable(item soql.Item, c column) *apiError {
	needsNumber := item.Func == "SUM" || item.Func == "AVG"
	if needsNumber && (c.meta == nil || c.meta.kind() != kindInt && c.meta.kind() != kindDouble) || item.Aggregate() && c.meta != nil && item.Func != "COUNT" && !c.meta.Aggregatable {
		return b.refuse(item.Pos, "MALFORMED_QUERY", "field "+item.Field.Text+" does not support aggregate operator "+item.Func)
	}
	return nil
}

// summarise gives one line of values a group, in the order of the groups'
// values. Without GROUP BY all rows are one group, even none.
func (b *binder) summarise(groups []group, outputs []output, rows []uint32) [][]value {
	members := map[string][]uint32{}
	if len(groups) == 0 {
		members[""] = rows
	} else {
		for _, row := range rows {
			var key []byte
			for i := range groups {
				key = append(appendJSON(key, groups[i].get(row), false), 0)
			}
			members[string(key)] = append(members[string(key)], row)
		}
	}
	var table [][]value
	for _, rows := range members {
		line := make([]value, len(outputs))
		for i := range outputs {
			line[i] = outputs[i].over(b.view, rows)
		}
		table = append(table, line)
	}
	slices.SortFunc(table, func(x, y []value) int { return b.compareLines(outputs, x, y) })
	return table
}

// compareLines goes by ORDER BY where it names an output, then by all values.
func (b *binder) compareLines(outputs []output, x, y []value) int {
	for _, o := range b.query.OrderBy {
		for i, out := range outputs {
			if out.item.Func == o.Item.Func && strings.EqualFold(out.item.Field.Text, o.Item.Field.Text) || strings.EqualFold(out.name, o.Item.Field.Text) {
				if c := compareCells(x[i], y[i], o); c != 0 {
					return c
				}
			}
		}
	}
	for i := range outputs {
		if c := compareCells(x[i], y[i], soql.Order{}); c != 0 {
			return c
		}
	}
	return 0
}

// over computes the output over the rows of a group.
func (o *output) over(v *view, rows []uint32) value {
	if o.item.Func == "COUNT" && o.column.meta == nil {
		return intValue(int64(len(rows)))
	}
	if o.group != nil {
		return o.group.get(rows[0])
	}
	var cells []value
	for _, row := range rows {
		if c := o.column.value(v, row); c.kind != kindNull {
			cells = append(cells, c)
		}
	}
	return aggregate(o.item.Func, cells)
}

// aggregate applies a function to values that are not null.
func aggregate(function string, cells []value) value {
	order := func(a, b value) int { return compareCells(a, b, soql.Order{}) }
	switch {
	case function == "COUNT":
		return intValue(int64(len(cells)))
	case function == "COUNT_DISTINCT":
		slices.SortFunc(cells, order)
		return intValue(int64(len(slices.Compact(cells))))
	case len(cells) == 0:
		return value{}
	case function == "MIN":
		return slices.MinFunc(cells, order)
	case function == "MAX":
		return slices.MaxFunc(cells, order)
	}
	sum := 0.0
	for _, c := range cells {
		sum += cmp.Or(c.f, float64(c.num))
	}
	if function == "AVG" {
		sum /= float64(len(cells))
	}
	return doubleValue(sum)
}

func appendGroups(b []byte, outputs []output, table [][]value) []byte {
	for i, line := range table {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"attributes":{"type":"AggregateResult"}`...)
		for k, v := range line {
			b = append(appendString(append(b, ','), outputs[k].name), ':')
			b = appendJSON(b, v, false)
		}
		b = append(b, '}')
	}
	return b
}
