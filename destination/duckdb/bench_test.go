package duckdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"

	"sluice/destination"
)

// BenchmarkReplace replaces a table by 1,000,000 rows of 75 columns, two
// stages at a time, ten in all: by swap, and by DELETE and INSERT. The peak of
// the process meanwhile is reported as peak_MB.
func BenchmarkReplace(b *testing.B) {
	const rows, parts, batchRows = 1_000_000, 10, 4096
	pool := make([]arrow.RecordBatch, 6)
	for i := range pool {
		pool[i] = wideBatch(75, batchRows)
		defer pool[i].Release()
	}
	for _, hang := range []string{"", "ALTER TABLE public.account ADD COLUMN mine VARCHAR"} {
		b.Run(map[bool]string{true: "swap", false: "fill"}[hang == ""], func(b *testing.B) {
			d := open(b, b.TempDir()+"/crm.db")
			defer d.Close()
			mustLoad(b, d, account, destination.Replace, wideBatch(75, 1))
			if hang != "" {
				execute(b, d, hang)
			}
			b.SetBytes(rows / batchRows * batchBytes(pool[0]))
			forgetPeak()
			for b.Loop() {
				l, err := d.Begin(b.Context(), spec(account, pool[0].Schema(), destination.Replace))
				must(b, err)
				var g errgroup.Group
				g.SetLimit(2)
				for range parts {
					g.Go(func() error {
						s, failed := l.Stage(b.Context(), "part")
						if failed != nil {
							return failed
						}
						for i := range rows / parts / batchRows {
							if failed = s.Write(b.Context(), pool[i%len(pool)]); failed != nil {
								return failed
							}
						}
						return s.Close(b.Context())
					})
				}
				must(b, g.Wait())
				staged := b.Elapsed()
				_, err = l.Commit(b.Context(), nil)
				must(b, err)
				b.ReportMetric((b.Elapsed() - staged).Seconds(), "commit_s")
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(peakMB(), "peak_MB")
		})
	}
}

// wideBatch looks like an account: most fields are short texts, a third of
// them empty.
func wideBatch(columns, rows int) arrow.RecordBatch {
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Float64, arrow.FixedWidthTypes.Boolean, arrow.FixedWidthTypes.Timestamp_us,
		arrow.FixedWidthTypes.Date32, arrow.PrimitiveTypes.Int64,
	}
	fields := make([]arrow.Field, columns)
	for i := range fields {
		fields[i] = arrow.Field{Name: fmt.Sprint("Field", i, "__c"), Type: arrow.BinaryTypes.String, Nullable: i > 0}
		if i%15 >= 10 {
			fields[i].Type = types[i%5]
		}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i := range fields {
		for range rows {
			appendRandom(b.Field(i), i > 0)
		}
	}
	return b.NewRecordBatch()
}

func appendRandom(b array.Builder, nullable bool) {
	switch b := b.(type) {
	case *array.StringBuilder:
		if nullable && rand.IntN(3) == 0 {
			b.AppendNull()
			return
		}
		b.Append(fmt.Sprintf("%016x", rand.Uint64())[:3+rand.IntN(13)] + strings.Repeat("x", rand.IntN(30)))
	case *array.Float64Builder:
		b.Append(rand.Float64())
	case *array.BooleanBuilder:
		b.Append(rand.IntN(2) == 0)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(rand.Int64N(1e15)))
	case *array.Date32Builder:
		b.Append(arrow.Date32(rand.Int32N(20000)))
	case *array.Int64Builder:
		b.Append(rand.Int64N(1e6))
	}
}

func batchBytes(b arrow.RecordBatch) (n int64) {
	for _, c := range b.Columns() {
		for _, buffer := range c.Data().Buffers() {
			if buffer != nil {
				n += int64(buffer.Len())
			}
		}
	}
	return n
}

// forgetPeak makes peakMB tell of what comes after it, where the system can.
func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMB is the most memory that the process ever had, 0 where the system does
// not tell.
func peakMB() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kb float64
	_, _ = fmt.Sscan(after, &kb)
	return kb / 1024
}

// BenchmarkMerge merges changed rows, spread over all of it, into a table of 75
// columns: 500,000 rows, or as many as SLUICE_BENCH_ROWS says.
func BenchmarkMerge(b *testing.B) {
	rows, err := strconv.ParseInt(os.Getenv("SLUICE_BENCH_ROWS"), 10, 64)
	if err != nil {
		rows = 500_000
	}
	for _, share := range []float64{0.002, 0.2} {
		b.Run(fmt.Sprintf("%g of %d", share, rows), func(b *testing.B) {
			d := open(b, b.TempDir()+"/crm.db")
			defer d.Close()
			first := wideBatch(75, 1)
			mustLoad(b, d, account, destination.Replace, first)
			growTo(b, d, first.Schema(), rows)
			changed := int64(float64(rows) * share)
			forgetPeak()
			for b.Loop() {
				l, err := d.Begin(b.Context(), spec(account, first.Schema(), destination.Merge))
				must(b, err)
				s, err := l.Stage(b.Context(), "part")
				must(b, err)
				for from := int64(0); from < changed; from += 4096 {
					n := min(4096, changed-from)
					batch := withIDs(wideBatch(75, int(n)), func(i int64) int64 { return (from + i) * (rows / changed) })
					must(b, s.Write(b.Context(), batch))
					batch.Release()
				}
				must(b, s.Close(b.Context()))
				staged := b.Elapsed()
				r, err := l.Commit(b.Context(), nil)
				must(b, err)
				if r.Written != changed {
					b.Fatalf("%d rows written, want %d", r.Written, changed)
				}
				b.ReportMetric((b.Elapsed() - staged).Seconds(), "commit_s")
			}
			b.ReportMetric(peakMB(), "peak_MB")
		})
	}
}

// growTo adds rows until the table has that many, their first column a number.
func growTo(b *testing.B, d *Destination, schema *arrow.Schema, rows int64) {
	b.Helper()
	values := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		k, _ := kind(f.Type)
		switch k {
		case "VARCHAR":
			values[i] = fmt.Sprintf("CASE WHEN hash(i + %d) %% 3 > 0 THEN substr(md5((i * %d)::VARCHAR), 1, 3 + (i %% 20)::INT) END", i, i+1)
		case "BOOLEAN":
			values[i] = "i % 2 = 0"
		case "TIMESTAMP WITH TIME ZONE":
			values[i] = "to_timestamp(i)"
		case "DATE":
			values[i] = "DATE '2020-01-01' + (i % 2000)::INT"
		default:
			values[i] = "i * 3"
		}
	}
	values[0] = "printf('%018d', i)"
	execute(b, d, fmt.Sprintf("INSERT INTO public.account SELECT %s FROM range(%d) t(i)", strings.Join(values, ", "), rows))
}

// withIDs puts numbers into the first column.
func withIDs(batch arrow.RecordBatch, id func(i int64) int64) arrow.RecordBatch {
	defer batch.Release()
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	for i := range batch.NumRows() {
		b.Append(fmt.Sprintf("%018d", id(i)))
	}
	column := b.NewArray()
	defer column.Release()
	return array.NewRecordBatch(batch.Schema(), append([]arrow.Array{column}, batch.Columns()[1:]...), batch.NumRows())
}

// BenchmarkSmallTables loads twelve tables of 5,000 rows of 75 columns into a
// new file, one after the other, as tables take turns.
func BenchmarkSmallTables(b *testing.B) {
	const tables, rows, batchRows = 12, 5000, 1000
	pool := make([]arrow.RecordBatch, rows/batchRows)
	for i := range pool {
		pool[i] = wideBatch(75, batchRows)
		defer pool[i].Release()
	}
	for b.Loop() {
		d := open(b, b.TempDir()+"/crm.db")
		loads := make([]destination.Load, tables)
		for i := range loads {
			var err error
			loads[i], err = d.Begin(b.Context(), spec(destination.TableName{Schema: "public", Table: fmt.Sprint("t", i)}, pool[0].Schema(), destination.Replace))
			must(b, err)
		}
		for _, l := range loads {
			s, err := l.Stage(b.Context(), "part")
			must(b, err)
			for _, batch := range pool {
				must(b, s.Write(b.Context(), batch))
			}
			must(b, s.Close(b.Context()))
			_, err = l.Commit(b.Context(), nil)
			must(b, err)
		}
		must(b, d.Close())
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/tables/float64(b.N), "ms/table")
}

// BenchmarkAmongManyTables merges a few rows into each of some tables of a file
// that holds 500 of 75 columns, as a run of a whole org does.
func BenchmarkAmongManyTables(b *testing.B) {
	const tables, merged = 500, 25
	batch := withIDs(wideBatch(75, 10), func(i int64) int64 { return i })
	defer batch.Release()
	name := func(i int) destination.TableName {
		return destination.TableName{Schema: "public", Table: fmt.Sprint("t", i)}
	}
	// Each load begins before the one ahead of it ends, as tables do that are read
	// side by side.
	load := func(d *Destination, tables int, mode destination.Mode) {
		var ahead destination.Load
		for i := range tables + 1 {
			var next destination.Load
			if i < tables {
				var err error
				next, err = d.Begin(b.Context(), spec(name(i), batch.Schema(), mode))
				must(b, err)
			}
			if ahead != nil {
				_, err := ahead.Commit(b.Context(), nil)
				must(b, err)
			}
			if ahead = next; ahead != nil {
				s, err := ahead.Stage(b.Context(), "part")
				must(b, err)
				must(b, errors.Join(s.Write(b.Context(), batch), s.Close(b.Context())))
			}
		}
	}
	d := open(b, b.TempDir()+"/crm.db")
	defer d.Close()
	load(d, tables, destination.Replace)
	for b.Loop() {
		load(d, merged, destination.Merge)
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/merged/float64(b.N), "ms/table")
}
