package desttest

import (
	"math"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"sluice/destination"
)

// everyValue gives each Arrow type the values that databases bend.
var everyValue = []struct {
	name   string
	typ    arrow.DataType
	values []any
}{
	{"Text", arrow.BinaryTypes.String, []any{
		"", "null", "NA", "00123", " x ", "a\r\nb\rc\nd", `"quoted", 'so'`, "tab\t\\n", "nul\x00inside", "😀 𝒳 é é", strings.Repeat("é", 500_000),
	}},
	{"Truth", arrow.FixedWidthTypes.Boolean, []any{true, false}},
	{"Whole", arrow.PrimitiveTypes.Int64, []any{int64(0), int64(math.MaxInt64), int64(math.MinInt64), int64(1<<53 + 1)}},
	{"Real", arrow.PrimitiveTypes.Float64, []any{
		0.0, math.Copysign(0, -1), 0.1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1e15 + 0.3, math.Inf(1), math.Inf(-1),
	}},
	{"Day", arrow.FixedWidthTypes.Date32, []any{
		day(1, 1, 1), day(1582, 10, 10), day(1700, 2, 28), day(1970, 1, 1), day(2024, 2, 29), day(4000, 12, 31), day(9999, 12, 31), day(12345, 6, 7),
	}},
	{"Moment", arrow.FixedWidthTypes.Timestamp_us, []any{
		day(1, 1, 1), day(1700, 2, 28).Add(time.Millisecond), time.Date(2024, 3, 31, 1, 59, 59, 999_000_000, time.UTC),
		time.Date(2024, 3, 31, 2, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC), day(12345, 6, 7),
	}},
	{"Clock", arrow.FixedWidthTypes.Time64us, []any{"00:00:00.000000", "23:59:59.999000", "12:34:56.789000"}},
	{"Money", &arrow.Decimal128Type{Precision: 18, Scale: 2}, []any{"0.00", "-0.01", "9999999999999999.99", "-9999999999999999.99"}},
	{"Huge", &arrow.Decimal128Type{Precision: 38, Scale: 10}, []any{"9999999999999999999999999999.9999999999"}},
	{"Bytes", arrow.BinaryTypes.Binary, []any{[]byte{}, []byte{0}, []byte{0, 0xff, 0xfe, '\'', '\\'}}},
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// everyType does not ask for the sign of a zero: DuckDB's compression of
// doubles (ALP) takes 0 and -0 for one value, as SQL does.
//
// It writes a row for each value, all other columns NULL, and one of
// NULLs alone.
func everyType(c *check) {
	fields := []arrow.Field{{Name: "Id", Type: arrow.PrimitiveTypes.Int64}}
	columns := []string{"id"}
	for _, v := range everyValue {
		fields = append(fields, arrow.Field{Name: v.name, Type: v.typ, Nullable: true})
		columns = append(columns, strings.ToLower(v.name))
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(c.mem, schema)
	var want [][]any
	add := func(column int, value any) {
		row := make([]any, len(fields))
		row[0] = int64(len(want))
		b.Field(0).(*array.Int64Builder).Append(int64(len(want)))
		for i := 1; i < len(fields); i++ {
			if i == column {
				row[i] = value
				appendValue(c, b.Field(i), value)
			} else {
				b.Field(i).AppendNull()
			}
		}
		want = append(want, row)
	}
	add(0, nil)
	for i, v := range everyValue {
		for _, value := range v.values {
			if text, ok := value.(string); ok && c.s.NoNUL && strings.ContainsRune(text, 0) {
				continue
			}
			add(i+1, value)
		}
	}
	batch := b.NewRecordBatch()
	b.Release()
	c.load(c.spec(schema, destination.Replace), batch)
	c.has(columns, want...)
}

func appendValue(c *check, b array.Builder, value any) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(value.(string))
	case *array.BooleanBuilder:
		b.Append(value.(bool))
	case *array.Int64Builder:
		b.Append(value.(int64))
	case *array.Float64Builder:
		b.Append(value.(float64))
	case *array.Date32Builder:
		b.Append(arrow.Date32FromTime(value.(time.Time)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(value.(time.Time).UnixMicro()))
	case *array.Time64Builder:
		at, err := arrow.Time64FromString(value.(string), arrow.Microsecond)
		c.ok(err)
		b.Append(at)
	case *array.Decimal128Builder:
		t := b.Type().(*arrow.Decimal128Type)
		n, err := decimal128.FromString(value.(string), t.Precision, t.Scale)
		c.ok(err)
		b.Append(n)
	case *array.BinaryBuilder:
		b.Append(value.([]byte))
	default:
		c.Fatalf("no values for %s", b.Type())
	}
}

// oddNames loads a table whose name and fields are what nobody should choose.
func oddNames(c *check) {
	long := strings.Repeat("VeryLong", 12) + "__c"
	odd := []string{
		"Id", "select", "Order", "a b", `quo"te`, "it's", "semi;colon", "😀", "Größe__c", "FooBar__c", "Foo_Bar__c", "FOO_BAR__c",
		long + "1", long + "2", "rowid", "1st", "$1", "--", "back\\slash", "new\nline", "%s", "c0",
	}
	var fields []arrow.Field
	for _, name := range odd {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	c.table = destination.TableName{Schema: `odd "schema" 😀`, Table: `my.table "select" ' ; --`}
	for range 2 {
		b := array.NewRecordBuilder(c.mem, schema)
		var want []any
		for i, name := range odd {
			b.Field(i).(*array.StringBuilder).Append("value of " + name)
			want = append(want, "value of "+name)
		}
		batch := b.NewRecordBatch()
		b.Release()
		c.load(c.spec(schema, destination.Replace), batch)
		columns, _ := c.s.Rows(c.T, c.d, c.table)
		if len(columns) != len(odd) {
			c.Fatalf("columns %q", columns)
		}
		c.has(columns, want)
	}
}

func grown() *arrow.Schema {
	fields := append([]arrow.Field{}, people.Fields()...)
	return arrow.NewSchema(append(fields, arrow.Field{Name: "NickName", Type: arrow.BinaryTypes.String, Nullable: true}), nil)
}

func (c *check) nicked(p person, nick string) arrow.RecordBatch {
	b := array.NewRecordBuilder(c.mem, grown())
	defer b.Release()
	b.Field(0).(*array.StringBuilder).Append(p.id)
	b.Field(1).(*array.StringBuilder).Append(p.name)
	b.Field(2).(*array.Int64Builder).Append(p.age)
	b.Field(3).(*array.StringBuilder).Append(nick)
	return b.NewRecordBatch()
}

func newField(c *check) {
	c.load(c.spec(people, destination.Replace), c.people(ann))
	r := c.load(c.spec(grown(), destination.Append), c.nicked(bob, "bobo"))
	if len(r.SchemaChanges) != 1 || !strings.Contains(r.SchemaChanges[0], "nick_name") {
		c.Errorf("changes %q", r.SchemaChanges)
	}
	columns := append(append([]string{}, peopleColumns...), "nick_name")
	c.has(columns, append(ann.row(), nil), append(bob.row(), "bobo"))
	c.load(c.spec(grown(), destination.Replace), c.nicked(ann, "annie"))
	c.has(columns, append(ann.row(), "annie"))
}

func vanishedField(c *check) {
	c.load(c.spec(grown(), destination.Replace), c.nicked(ann, "annie"))
	r := c.load(c.spec(people, destination.Replace), c.people(ann, bob))
	if len(r.SchemaChanges) != 0 {
		c.Errorf("changes %q", r.SchemaChanges)
	}
	c.has(append(append([]string{}, peopleColumns...), "nick_name"), append(ann.row(), nil), append(bob.row(), nil))
}

func wrongType(c *check) {
	c.load(c.spec(people, destination.Replace), c.people(ann))
	other := arrow.NewSchema([]arrow.Field{people.Field(0), people.Field(1), {Name: "Age", Type: arrow.FixedWidthTypes.Date32}}, nil)
	_, err := c.d.Begin(c.Context(), c.spec(other, destination.Replace))
	c.fails(err)
	if !strings.Contains(err.Error(), "age") {
		c.Errorf("the column is not named: %v", err)
	}
	c.has(peopleColumns, ann.row())
}

func wrongMode(c *check) {
	_, err := c.d.Begin(c.Context(), c.spec(people, "upside-down"))
	c.fails(err)
	c.tables()
}
