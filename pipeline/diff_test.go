package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
)

func TestValuesOfTwoEndsAreTheSame(t *testing.T) {
	decimal := &arrow.Decimal128Type{Precision: 18, Scale: 2}
	for _, tt := range []struct {
		of   arrow.DataType
		json bool
		a, b string
		same bool
	}{
		{arrow.BinaryTypes.String, false, "a", "a", true},
		{arrow.BinaryTypes.String, false, "a", "a ", false},
		{arrow.BinaryTypes.String, false, "1.0", "1", false},
		{arrow.BinaryTypes.String, true, `{"b":1,"a":[1.50]}`, `{"a": [1.50], "b": 1}`, true},
		{arrow.BinaryTypes.String, true, `{"a":1}`, `{"a":2}`, false},
		{arrow.BinaryTypes.String, true, "no JSON", "no json", false},
		{arrow.PrimitiveTypes.Float64, false, "12.5", "12.50", true},
		{arrow.PrimitiveTypes.Float64, false, "100000000000000000000", "1e+20", true},
		{arrow.PrimitiveTypes.Float64, false, "0", "-0", true},
		{arrow.PrimitiveTypes.Float64, false, "0.1", "0.10000000000000002", false},
		{arrow.PrimitiveTypes.Float64, false, "1", "one", false},
		{arrow.PrimitiveTypes.Int64, false, "9007199254740993", "9007199254740992", false},
		{arrow.PrimitiveTypes.Int64, false, "5", "5.0", true},
		{arrow.PrimitiveTypes.Int64, false, "-5", "5", false},
		{arrow.PrimitiveTypes.Int64, false, "100", "1e+2", true},
		{arrow.PrimitiveTypes.Int64, false, "100", "1", false},
		{decimal, false, "0.50", ".5", true},
		{decimal, false, "-0.00", "0", true},
		{decimal, false, "123456789012345678.25", "123456789012345678.250", true},
		{decimal, false, "123456789012345678.25", "123456789012345678.26", false},
		{arrow.FixedWidthTypes.Date32, false, "2026-03-01", "2026-03-01 00:00:00", true},
		{arrow.FixedWidthTypes.Date32, false, "2026-03-01", "2026-03-01 00:00:01", false},
		{arrow.FixedWidthTypes.Timestamp_us, false, "2026-03-01T08:00:00.120000Z", "2026-03-01 08:00:00.12+00", true},
		{arrow.FixedWidthTypes.Timestamp_us, false, "2026-03-01T08:00:00.000000Z", "2026-03-01 08:00:00", true},
		{arrow.FixedWidthTypes.Timestamp_us, false, "2026-03-01T08:00:00.000000Z", "2026-03-01 13:30:00+05:30", true},
		{arrow.FixedWidthTypes.Timestamp_us, false, "2026-03-01T08:00:00.000000Z", "2026-03-01 08:00:00.001+00", false},
		{arrow.FixedWidthTypes.Time64us, false, "08:00:00.000000", "08:00:00", true},
		{arrow.FixedWidthTypes.Time64us, false, "08:00:00.120000", "08:00:00.12", true},
		{arrow.FixedWidthTypes.Time64us, false, "08:00:00.120000", "08:00:10", false},
		{arrow.FixedWidthTypes.Boolean, false, "true", "false", false},
	} {
		if same := canonical(tt.of, tt.json, tt.a) == canonical(tt.of, tt.json, tt.b); same != tt.same {
			t.Errorf("%s: %q and %q are the same: %v", tt.of, tt.a, tt.b, same)
		}
	}
}

// stretchOfTime writes months as text: names and where they begin.
func stretchOfTime(months []month) string {
	var parts []string
	for _, m := range months {
		parts = append(parts, fmt.Sprintf("%s(%d)@%s", m.name, m.source.Rows, m.span.From.Format("01-02T15:04")))
	}
	return strings.Join(parts, " ")
}

func TestMonthsBeginWhereTheSourceReckonsThem(t *testing.T) {
	at := func(text string) time.Time {
		moment, err := time.Parse("2006-01-02T15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	total := func(year, month int, first, last string) source.Total {
		return source.Total{Year: year, Month: month, First: at(first), Last: at(last), Rows: 2}
	}
	for name, tt := range map[string]struct {
		months []source.Total
		want   string
	}{
		"no rows": {nil, "earlier(0)@01-01T00:00"},
		"UTC, a month without rows": {
			[]source.Total{total(2026, 1, "2026-01-05T00:00", "2026-01-31T23:59"), total(2026, 3, "2026-03-01T00:00", "2026-03-02T00:00")},
			"earlier(0)@01-01T00:00 2026-01(2)@01-01T00:00 2026-02(0)@02-01T00:00 2026-03(2)@03-01T00:00",
		},
		"west": {
			[]source.Total{total(2026, 1, "2026-01-05T00:00", "2026-02-01T07:30"), total(2026, 2, "2026-02-01T08:10", "2026-02-20T00:00")},
			"earlier(0)@01-01T00:00 2026-01(2)@01-01T00:00 2026-02(2)@02-01T08:10",
		},
		"east": {
			[]source.Total{total(2026, 2, "2026-01-31T16:10", "2026-02-28T15:50"), total(2026, 3, "2026-02-28T16:00", "2026-03-01T00:00")},
			"earlier(0)@01-01T00:00 2026-02(2)@01-01T00:00 2026-03(2)@02-28T16:00",
		},
		"rows without a moment, and months that meet in a second": {
			[]source.Total{{Rows: 1}, total(2026, 1, "2026-01-05T00:00", "2026-02-01T00:00"), total(2026, 2, "2026-02-01T00:00", "2026-02-02T00:00")},
			"earlier(1)@01-01T00:00 2026-01(4)@01-01T00:00",
		},
	} {
		months, bounds := monthsOf(source.Totals{Clock: "CreatedDate", Months: tt.months})
		if got := stretchOfTime(months); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		for i, m := range months {
			if i > 0 && (!m.span.From.Equal(bounds[i-1]) || !months[i-1].span.To.Equal(m.span.From)) {
				t.Errorf("%s: %s goes from %s, the one before ends %s", name, m.name, m.span.From, months[i-1].span.To)
			}
		}
		if last := months[len(months)-1]; !last.span.To.IsZero() || !months[0].span.From.IsZero() || len(bounds) != len(months)-1 {
			t.Errorf("%s: some time is in no month", name)
		}
	}
}

func TestMonthsAreReadInFewStretches(t *testing.T) {
	differs := []string{"rows"}
	for name, tt := range map[string]struct {
		rows []int64 // negative for a month that differs
		all  bool
		want string
	}{
		"none":                     {[]int64{5, 5}, false, ""},
		"neighbours":               {[]int64{5, -5, -5, 5}, false, "1-2"},
		"a few rows in between":    {[]int64{-5, 2000, -5}, false, "0-2"},
		"many rows in between":     {[]int64{-5, 2001, -5}, false, "0-0 2-2"},
		"as many as can be held":   {[]int64{-200_000, -50_000, -1}, false, "0-1 2-2"},
		"a month that is too much": {[]int64{-1, -300_000, -1}, false, "0-0 1-1 2-2"},
		"all, but empty ones":      {[]int64{0, 5, -5, 0}, true, "1-2"},
	} {
		var months []month
		for i, rows := range tt.rows {
			m := month{name: fmt.Sprint(i), source: source.Total{Rows: max(rows, -rows)}}
			if rows < 0 {
				m.why = differs
			}
			months = append(months, m)
		}
		var got []string
		for _, s := range stretchesOf(months, tt.all) {
			got = append(got, s.months[0].name+"-"+s.months[len(s.months)-1].name)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
}

func TestSumsMayDifferByTheirRounding(t *testing.T) {
	for _, tt := range []struct {
		source, table, size float64
		same                bool
	}{
		{0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1, 0.6, true},
		{1e-9, 0, 1e12, true}, // large amounts that cancel each other
		{1e9 + 0.5, 1e9, 1e9, false},
		{1, 0, 0, false},
	} {
		m := month{source: source.Total{Sums: []float64{tt.source}}}
		m.table.Sums, m.table.Sizes = []float64{tt.table}, []float64{tt.size}
		m.compare(source.Totals{Sums: []string{"Amount"}})
		if same := len(m.why) == 0; same != tt.same {
			t.Errorf("%v and %v of size %v are the same: %v", tt.source, tt.table, tt.size, same)
		}
	}
}
