package fakeorg

import (
	"cmp"
	"slices"
	"strings"

	"sluice/source/salesforce/fakeorg/soql"
)

// sorting compiles ORDER BY. Nulls come first unless the query says otherwise,
// ties stay in the order of the ids.
func (b *binder) sorting(p *plan) *apiError {
	if p.aggregate != nil || len(b.query.OrderBy) == 0 {
		return nil
	}
	columns := make([]column, len(b.query.OrderBy))
	for i, o := range b.query.OrderBy {
		c, err := b.column(o.Item.Field)
		if err != nil {
			return err
		}
		if !c.meta.Sortable {
			return b.refuse(o.Item.Pos, "INVALID_FIELD", "field '"+c.meta.Name+"' can not be sorted in a query call")
		}
		columns[i] = c
	}
	keys, view := b.query.OrderBy, b.view
	p.sort = func(rows []uint32) { sortRows(rows, view, columns, keys) }
	return nil
}

// sortRows computes the keys of every row once.
func sortRows(rows []uint32, v *view, columns []column, orders []soql.Order) {
	type keyed struct {
		row  uint32
		keys []value
	}
	list := make([]keyed, len(rows))
	flat := make([]value, len(rows)*len(columns))
	for i, row := range rows {
		keys := flat[i*len(columns) : (i+1)*len(columns)]
		for k := range columns {
			if keys[k] = columns[k].value(v, row); keys[k].kind == kindText {
				keys[k].s = strings.ToUpper(keys[k].s)
			}
		}
		list[i] = keyed{row, keys}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return compareKeys(a.keys, b.keys, orders) })
	for i := range list {
		rows[i] = list[i].row
	}
}

func compareKeys(a, b []value, orders []soql.Order) int {
	for i, o := range orders {
		if c := compareCells(a[i], b[i], o); c != 0 {
			return c
		}
	}
	return 0
}

func compareCells(a, b value, o soql.Order) int {
	switch {
	case a.kind == kindNull && b.kind == kindNull:
		return 0
	case a.kind == kindNull || b.kind == kindNull:
		if (a.kind == kindNull) == o.NullsLast {
			return 1
		}
		return -1
	}
	c := cmp.Or(strings.Compare(a.s, b.s), cmp.Compare(a.num, b.num), cmp.Compare(a.f, b.f))
	if o.Desc {
		return -c
	}
	return c
}
