package pipeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"sluice/source"
)

// createdDate is the field that rows are counted by, where a table has it: they
// keep it, while the cursor moves.
const createdDate = "CreatedDate"

// monthsField picks the field by whose month rows are counted, among those that
// are read; "" when none is a moment.
func monthsField(schema *arrow.Schema, cursor string, read []string) string {
	for _, name := range []string{createdDate, cursor} {
		at := schema.FieldIndices(name)
		if len(at) == 0 || read != nil && !slices.Contains(read, name) {
			continue
		}
		if _, ok := schema.Field(at[0]).Type.(*arrow.TimestampType); ok {
			return name
		}
	}
	return ""
}

// months counts rows by month, in UTC. The zero value is ready.
type months struct {
	usual [usualYears * 12]int64 // from January of firstYear
	other map[string]int64       // by name; "" for rows without a moment
}

// Nearly all rows are of these years. With an array for them a row takes 12 ns,
// with a map 40.
const firstYear, usualYears = 1990, 60

// count takes in the rows of a batch.
func (m *months) count(b arrow.RecordBatch, field string) {
	at := b.Schema().FieldIndices(field)
	if field == "" || len(at) == 0 {
		return
	}
	stamps, ok := b.Column(at[0]).(*array.Timestamp)
	if !ok {
		return
	}
	for i, v := range stamps.TimestampValues() {
		if stamps.IsNull(i) {
			m.add("", 1)
			continue
		}
		year, month, _ := time.UnixMicro(int64(v)).UTC().Date()
		if of := (year-firstYear)*12 + int(month) - 1; of >= 0 && of < len(m.usual) {
			m.usual[of]++
		} else {
			m.add(monthName(year, int(month)), 1)
		}
	}
}

func (m *months) add(name string, rows int64) {
	if m.other == nil {
		m.other = map[string]int64{}
	}
	m.other[name] += rows
}

func monthName(year, month int) string { return fmt.Sprintf("%04d-%02d", year, month) }

// addTo adds the counts to those of a report.
func (m *months) addTo(all map[string]int64) {
	for of, rows := range m.usual {
		if rows > 0 {
			all[monthName(firstYear+of/12, of%12+1)] += rows
		}
	}
	for name, rows := range m.other {
		all[name] += rows
	}
}

// noteFields tells the report which fields are read, and by which their rows are
// counted.
func (r *run) noteFields(table source.Table) {
	r.report.Fields = nil
	for _, f := range table.Schema().Fields() {
		if r.fields == nil || slices.Contains(r.fields, f.Name) {
			typ, _ := f.Metadata.GetValue(source.TypeKey)
			r.report.Fields = append(r.report.Fields, Field{f.Name, typ})
		}
	}
	if r.job.ByMonth {
		r.report.MonthsOf = monthsField(table.Schema(), table.CursorKey(), r.fields)
		r.report.Months = map[string]int64{}
	}
}
