package desttest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"sluice/destination"
)

// contracts is the schema of the tests that look at a table.
var contracts = arrow.NewSchema([]arrow.Field{
	{Name: "Id", Type: arrow.BinaryTypes.String},
	{Name: "CreatedDate", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "SystemModstamp", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "Amount", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "IsDeleted", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "CloseDate", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "StartTime", Type: arrow.FixedWidthTypes.Time64us, Nullable: true},
	{Name: "Stage's", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

// january is the first of the months in which contracts were made.
var january = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// loadContracts loads five contracts: one without dates, two of January, one of March,
// one of March that is deleted.
func (c *check) loadContracts() {
	c.Helper()
	b := array.NewRecordBuilder(c.mem, contracts)
	defer b.Release()
	add := func(id string, created time.Time, amount float64, deleted bool) {
		b.Field(0).(*array.StringBuilder).Append(id)
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(created.UnixMicro()))
		b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(created.Add(90 * time.Minute).UnixMicro()))
		b.Field(3).(*array.Float64Builder).Append(amount)
		b.Field(4).(*array.BooleanBuilder).Append(deleted)
		b.Field(5).(*array.Date32Builder).Append(arrow.Date32FromTime(created))
		b.Field(6).(*array.Time64Builder).Append(arrow.Time64(8 * time.Hour.Microseconds()))
		b.Field(7).(*array.StringBuilder).Append("it's \"" + id + "\"")
	}
	add("1", january, 0.1, false)
	add("2", january.AddDate(0, 1, 0).Add(-time.Millisecond), -0.3, false)
	add("3", january.AddDate(0, 2, 0), 1e20, false)
	add("4", january.AddDate(0, 2, 5), 7, true)
	for i := range contracts.NumFields() {
		if i == 0 {
			b.Field(0).(*array.StringBuilder).Append("5")
			continue
		}
		b.Field(i).AppendNull()
	}
	c.load(c.spec(contracts, destination.Replace), b.NewRecordBatch())
}

func (c *check) look(fields []string, landed map[string]string) destination.Table {
	c.Helper()
	t, err := c.d.Look(c.Context(), c.table, fields, landed)
	if err != nil {
		c.Fatalf("look: %v", err)
	}
	return t
}

func totals(c *check) {
	c.loadContracts()
	t := c.look([]string{"Id"}, nil)
	sums := func(sum, size float64) destination.Total {
		return destination.Total{Sums: []float64{sum}, Sizes: []float64{size}}
	}
	row := func(rows int64, newest time.Time, total destination.Total) destination.Total {
		total.Rows = rows
		if !newest.IsZero() {
			total.Newest = newest.Add(90 * time.Minute)
		}
		return total
	}
	for _, tt := range []struct {
		outline destination.Outline
		want    []destination.Total
	}{
		{destination.Outline{}, []destination.Total{{Rows: 5, Sums: []float64{}, Sizes: []float64{}}}},
		{
			destination.Outline{
				Clock: "created_date", Bounds: []time.Time{january, january.AddDate(0, 1, 0), january.AddDate(0, 2, 0), january.AddDate(0, 3, 0)},
				Cursor: "system_modstamp", Sums: []string{"amount"},
			},
			[]destination.Total{
				row(1, time.Time{}, sums(0, 0)), row(2, january.AddDate(0, 1, 0).Add(-time.Millisecond), sums(-0.3+0.1, 0.1+0.3)), sums(0, 0),
				row(2, january.AddDate(0, 2, 5), sums(1e20, 1e20)), sums(0, 0),
			},
		},
		{
			destination.Outline{Clock: "created_date", Bounds: []time.Time{january.AddDate(0, 2, 0)}, Deleted: "is_deleted"},
			[]destination.Total{{Rows: 3, Sums: []float64{}, Sizes: []float64{}}, {Rows: 1, Sums: []float64{}, Sizes: []float64{}}},
		},
	} {
		got, err := t.Totals(c.Context(), tt.outline)
		c.ok(err)
		if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); diff != "" {
			c.Errorf("%+v: %s", tt.outline, diff)
		}
	}
}

func texts(c *check) {
	c.loadContracts()
	var fields []string
	for _, f := range contracts.Fields() {
		fields = append(fields, f.Name)
	}
	t := c.look(append(fields, "Nosuch"), nil)
	var columns []string
	for i, col := range t.Columns() {
		if col.Field != fields[i] || col.Type == "" {
			c.Errorf("column %+v, want that of %s", col, fields[i])
		}
		columns = append(columns, col.Name)
	}
	if len(columns) != len(fields) {
		c.Fatalf("columns %v of %v", columns, fields)
	}
	read := func(s destination.Selection) (rows []string) {
		c.ok(t.Rows(c.Context(), s, func(row []destination.Value) error {
			var parts []string
			for _, v := range row {
				text := v.Text
				if v.Null {
					text = "null" + text
				}
				parts = append(parts, text)
			}
			rows = append(rows, strings.Join(parts, "|"))
			return nil
		}))
		slices.Sort(rows)
		return rows
	}
	one := read(destination.Selection{Columns: columns, Key: "id", Keys: []string{"1", "x'"}})
	if want := []string{`1|2026-01-01 00:00:00+00|2026-01-01 01:30:00+00|0.1|false|2026-01-01|08:00:00|it's "1"`}; !slices.Equal(one, want) {
		c.Errorf("row is %q, want %q", one, want)
	}
	if got := read(destination.Selection{Columns: columns, Key: "id", Keys: []string{"5"}}); !slices.Equal(got, []string{"5|null|null|null|null|null|null|null"}) {
		c.Errorf("row without values is %q", got)
	}
	february, march := january.AddDate(0, 1, 0), january.AddDate(0, 2, 0)
	for _, tt := range []struct {
		spans []destination.Span
		want  string
	}{
		{nil, "1 2 3 4 5"},
		{[]destination.Span{{}}, "1 2 3 4 5"},
		{[]destination.Span{{From: january, To: february}}, "1 2"},
		{[]destination.Span{{From: february, To: march}}, ""},
		{[]destination.Span{{From: march}}, "3 4"},
		{[]destination.Span{{To: january}, {From: march, To: march.Add(time.Second)}}, "3 5"},
	} {
		got := read(destination.Selection{Columns: []string{"id"}, Clock: "created_date", Spans: tt.spans})
		if strings.Join(got, " ") != tt.want {
			c.Errorf("%v: %v, want %s", tt.spans, got, tt.want)
		}
	}
	stop := errors.New("enough")
	if err := t.Rows(c.Context(), destination.Selection{Columns: []string{"id"}}, func([]destination.Value) error { return stop }); err == nil || !strings.Contains(err.Error(), "enough") {
		c.Errorf("error is %v", err)
	}
}

func namesOfColumns(c *check) {
	c.loadContracts()
	c.s.Exec(c.T, c.d, `ALTER TABLE public.account RENAME COLUMN amount TO "a.b"`)
	got := c.look([]string{"Id", "Amount", "CloseDate"}, map[string]string{"Amount": "a.b"}).Columns()
	if len(got) != 3 || got[1].Name != "a.b" {
		c.Errorf("columns are %+v", got)
	}
	if got := c.look([]string{"Amount", "Id"}, nil).Columns(); len(got) != 1 || got[0].Field != "Id" {
		c.Errorf("columns are %+v", got)
	}
}

func lookAtNothing(c *check) {
	_, err := c.d.Look(c.Context(), c.table, []string{"Id"}, nil)
	var known *destination.Error
	if !errors.As(err, &known) || !known.Usage || known.Mend == "" || !strings.Contains(err.Error(), "no table public.account") {
		c.Errorf("error is %v", err)
	}
	c.tables()
}
