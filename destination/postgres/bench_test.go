package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
)

// wideBatch has rows of 60 columns, as an account of an org that is used.
func wideBatch(from, rows int) arrow.RecordBatch {
	fields := []arrow.Field{{Name: "Id", Type: arrow.BinaryTypes.String}}
	for i := range 59 {
		typ := []arrow.DataType{
			arrow.BinaryTypes.String, arrow.BinaryTypes.String, arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64,
			arrow.FixedWidthTypes.Boolean, arrow.FixedWidthTypes.Timestamp_us, arrow.FixedWidthTypes.Date32,
		}[i%7]
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("Field%d__c", i), Type: typ, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for row := from; row < from+rows; row++ {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("001Dn000%07dIAE", row))
		for i := 1; i < len(fields); i++ {
			if (row+i)%4 == 0 {
				b.Field(i).AppendNull()
				continue
			}
			switch f := b.Field(i).(type) {
			case *array.StringBuilder:
				f.Append(fmt.Sprintf("value %d of %d", i, row))
			case *array.Float64Builder:
				f.Append(float64(row) / 7)
			case *array.BooleanBuilder:
				f.Append(row%2 == 0)
			case *array.TimestampBuilder:
				f.Append(arrow.Timestamp(1_700_000_000_000_000 + row*1000))
			case *array.Date32Builder:
				f.Append(arrow.Date32(row % 30000))
			}
		}
	}
	return b.NewRecordBatch()
}

// BenchmarkLoad compares loads with psql's \copy of the same rows. A million
// of them, or as many as SLUICE_BENCH_ROWS says.
func BenchmarkLoad(b *testing.B) {
	total, err := strconv.Atoi(os.Getenv("SLUICE_BENCH_ROWS"))
	if err != nil {
		total = 1_000_000
	}
	const batchRows, parts = 5000, 3
	var batches []arrow.RecordBatch
	for from := 0; from < total; from += batchRows {
		batches = append(batches, wideBatch(from, min(batchRows, total-from)))
	}
	address := pgtest.Database(b)
	d := dial(b, address, Options{})
	run := 0
	load := func(b *testing.B, s destination.Spec) {
		run++
		s.Run = fmt.Sprint("run", run)
		l, err := d.Begin(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		var g errgroup.Group
		for part := range parts {
			g.Go(func() error {
				st, err := l.Stage(b.Context(), fmt.Sprint("part ", part))
				if err != nil {
					return err
				}
				for i := part; i < len(batches); i += parts {
					if err := st.Write(b.Context(), batches[i]); err != nil {
						return err
					}
				}
				return st.Close(b.Context())
			})
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		staged := time.Now()
		if _, err := l.Commit(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(staged).Seconds(), "s_commit")
	}
	s := spec(batches[0].Schema(), destination.Replace, "")
	measure := func(name string, before string, do func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				if before != "" {
					pgtest.Query(b, address, before)
				}
				pgtest.Query(b, address, "VACUUM")
				pgtest.Query(b, address, "CHECKPOINT")
				b.StartTimer()
				do(b)
			}
			b.ReportMetric(float64(total)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	measure("create", "DROP TABLE IF EXISTS public.account", func(b *testing.B) { load(b, s) })
	for _, format := range []string{"binary", "text"} {
		file := filepath.Join(os.TempDir(), fmt.Sprintf("sluice-bench-%d.%s", os.Getpid(), format))
		defer os.Remove(file)
		psql(b, address, fmt.Sprintf(`\copy public.account to '%s' (format %s)`, file, format))
		measure("copy "+format, "DROP TABLE IF EXISTS public.copied; CREATE TABLE public.copied (LIKE public.account)", func(b *testing.B) {
			psql(b, address, fmt.Sprintf(`\copy public.copied from '%s' (format %s)`, file, format))
		})
	}
	pgtest.Query(b, address, "DROP TABLE public.copied")
	measure("replace by the same", "", func(b *testing.B) { load(b, s) })
	measure("replace when all differ", "UPDATE public.account SET field1__c = 'other'", func(b *testing.B) { load(b, s) })
	keyless := s
	keyless.Key = nil
	measure("replace without a key", "", func(b *testing.B) { load(b, keyless) })
}

func psql(b *testing.B, address, command string) {
	b.Helper()
	out, err := exec.Command(pgtest.Program(b, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", command, address).CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}
