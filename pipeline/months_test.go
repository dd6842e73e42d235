package pipeline

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

var moments = arrow.NewSchema([]arrow.Field{
	{Name: "CreatedDate", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
	{Name: "SystemModstamp", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
	{Name: "Name", Type: arrow.BinaryTypes.String},
}, nil)

// batchOf has a row for each moment in CreatedDate, "" being null.
func batchOf(tb testing.TB, texts ...string) arrow.RecordBatch {
	tb.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, moments)
	defer b.Release()
	for _, text := range texts {
		b.Field(1).AppendNull()
		b.Field(2).AppendNull()
		if text == "" {
			b.Field(0).AppendNull()
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			tb.Fatal(err)
		}
		b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMicro()))
	}
	return b.NewRecordBatch()
}

func TestRowsAreCountedByTheirMonthInUTC(t *testing.T) {
	var m months
	for _, texts := range [][]string{
		{"2026-01-31T23:59:59.999999Z", "2026-02-01T00:00:00Z", "2026-02-28T12:00:00Z", "", "2026-02-01T00:30:00+01:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"},
		{"2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"},
		{},
	} {
		b := batchOf(t, texts...)
		m.count(b, "CreatedDate")
		m.count(b, "Name") // is no moment
		m.count(b, "Gone__c")
		m.count(b, "")
		b.Release()
	}
	got := map[string]int64{"2026-01": 10}
	m.addTo(got)
	want := map[string]int64{"": 1, "1969-12": 1, "1970-01": 1, "2025-12": 1, "2026-01": 13, "2026-02": 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows by month (-want +got):\n%s", diff)
	}
}

func TestMonthsAreThoseOfAFieldThatIsRead(t *testing.T) {
	for _, tt := range []struct {
		cursor string
		read   []string
		want   string
	}{
		{"SystemModstamp", nil, "CreatedDate"},
		{"SystemModstamp", []string{"Name", "SystemModstamp"}, "SystemModstamp"},
		{"Name", []string{"Name"}, ""},
		{"", []string{"Name"}, ""},
	} {
		if got := monthsField(moments, tt.cursor, tt.read); got != tt.want {
			t.Errorf("cursor %q, fields %q: %q, want %q", tt.cursor, tt.read, got, tt.want)
		}
	}
}

// BenchmarkMonths counts a batch in the worst order: each row of another month
// than the one before it.
func BenchmarkMonths(b *testing.B) {
	texts := make([]string, 8192)
	for i := range texts {
		texts[i] = time.Date(2000+i%25, time.Month(1+i%12), 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
	}
	batch := batchOf(b, texts...)
	defer batch.Release()
	for b.Loop() {
		new(months).count(batch, "CreatedDate")
	}
}
