package pipeline

import (
	"math"
	"time"

	"sluice/destination"
	"sluice/source"
)

// month is a stretch of time at both ends: from From on, before the next one.
type month struct {
	name   string
	span   destination.Span
	source source.Total
	table  destination.Total
	why    []string // the totals that differ
}

// monthsOf lays out the months of the source: the first is what is before all of
// them. Where one ends and the next begins is not known to the second, as the
// source may reckon in any time zone: a bound is the beginning of a month in UTC
// where that lies between the last row of one and the first of the next, and
// else that first row. So every row of the source is in the month that it was
// added up in, and those that the table alone has are in one, too.
func monthsOf(t source.Totals) (months []month, bounds []time.Time) {
	months = []month{{name: "earlier"}}
	if t.Clock == "" {
		months[0].name = "all"
	}
	begin := func(at time.Time, name string) {
		months[len(months)-1].span.To = at
		months, bounds = append(months, month{name: name, span: destination.Span{From: at}}), append(bounds, at)
	}
	last := time.Time{}
	for _, total := range t.Months {
		first := total.First.Truncate(time.Second) // as precise as the source compares
		switch {
		case total.First.IsZero(), !last.IsZero() && !first.After(last):
		case last.IsZero():
			begin(firstOfMonth(first), monthName(total.Year, total.Month))
		default:
			for at := firstOfMonth(last).AddDate(0, 1, 0); !at.After(first); at = at.AddDate(0, 1, 0) {
				begin(at, at.Format("2006-01"))
			}
			if bounds[len(bounds)-1].After(last) {
				months[len(months)-1].name = monthName(total.Year, total.Month)
			} else {
				begin(first, monthName(total.Year, total.Month))
			}
		}
		months[len(months)-1].add(total)
		if total.Last.After(last) {
			last = total.Last
		}
	}
	return months, bounds
}

func firstOfMonth(at time.Time) time.Time {
	year, month, _ := at.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

func (m *month) add(t source.Total) {
	m.source.Rows += t.Rows
	if t.Newest.After(m.source.Newest) {
		m.source.Newest = t.Newest
	}
	if m.source.Sums == nil {
		m.source.Sums = make([]float64, len(t.Sums))
	}
	for i, s := range t.Sums {
		m.source.Sums[i] += s
	}
}

// rounding is the share of the values' sizes by which two sums of them may
// differ for the order of adding alone.
const rounding = 1e-11

// compare notes the totals that differ.
func (m *month) compare(t source.Totals) {
	if m.source.Sums == nil {
		m.source.Sums = make([]float64, len(t.Sums))
	}
	if m.source.Rows != m.table.Rows {
		m.why = append(m.why, "rows")
	}
	if t.Cursor != "" && !m.source.Newest.Equal(m.table.Newest) {
		m.why = append(m.why, t.Cursor)
	}
	for i, name := range t.Sums {
		if apart := math.Abs(m.source.Sums[i] - m.table.Sums[i]); !(apart <= rounding*m.table.Sizes[i]) {
			m.why = append(m.why, name)
		}
	}
}

func (m *month) result() Month {
	return Month{
		Name: m.name, Why: m.why,
		Source: MonthTotal{m.source.Rows, m.source.Newest, m.source.Sums},
		Table:  MonthTotal{m.table.Rows, m.table.Newest, m.table.Sums},
	}
}

const (
	// heldRows bounds the rows of a stretch of several months: a row takes up to
	// 100 bytes.
	heldRows = 250_000
	// nearRows is how many rows between two months that differ are rather read
	// than passed over: a call gives as many.
	nearRows = 2000
)

// stretch is months that are compared in one go: those from first to last.
type stretch struct {
	months []month
	span   destination.Span
}

// stretchesOf joins the months that differ, or all, to as few stretches as the
// memory for their rows lets.
func stretchesOf(months []month, all bool) (list []stretch) {
	size := func(from, to int) (rows int64) {
		for _, m := range months[from : to+1] {
			rows += max(m.source.Rows, m.table.Rows)
		}
		return rows
	}
	begin, end := -1, -1
	flush := func() {
		if begin >= 0 {
			list = append(list, stretch{months[begin : end+1], destination.Span{From: months[begin].span.From, To: months[end].span.To}})
		}
	}
	for i, m := range months {
		if len(m.why) == 0 && (!all || m.source.Rows+m.table.Rows == 0) {
			continue
		}
		near := begin >= 0 && (end == i-1 || size(end+1, i-1) <= nearRows)
		if !near || size(begin, i) > heldRows {
			flush()
			begin = i
		}
		end = i
	}
	flush()
	return list
}
