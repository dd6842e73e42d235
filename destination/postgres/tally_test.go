package postgres

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/destination"
)

// TestKeysAreDistinctOnlyWhereTheirOrderProvesIt gives keys in batches of parts.
func TestKeysAreDistinctOnlyWhereTheirOrderProvesIt(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "Id", Type: arrow.BinaryTypes.String}, {Name: "IsDeleted", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	}, nil)
	spec := destination.Spec{Key: []string{"Id"}, Deleted: "IsDeleted"}
	for name, tt := range map[string]struct {
		parts [][]string // batches of a part, a letter a key, small ones deleted
		want  bool
		dead  int64
	}{
		"nothing":                         {nil, true, 0},
		"an empty part":                   {[][]string{{}, {"", "AB"}}, true, 0},
		"one part":                        {[][]string{{"AB", "CDE"}}, true, 0},
		"parts in any order":              {[][]string{{"DE"}, {"AB", "C"}}, true, 0},
		"deleted rows":                    {[][]string{{"AB"}, {"ab", "c"}}, true, 3},
		"twice in a batch":                {[][]string{{"AAB"}}, false, 0},
		"twice at the border of batches":  {[][]string{{"AB", "BC"}}, false, 0},
		"twice in batches":                {[][]string{{"AC", "AD"}}, false, 0},
		"twice at the border of parts":    {[][]string{{"AB"}, {"BC"}}, false, 0},
		"one part within another":         {[][]string{{"AD"}, {"BC"}}, false, 0},
		"out of order":                    {[][]string{{"BA"}}, false, 0},
		"out of order, and then in order": {[][]string{{"BA", "CD"}}, false, 0},
		"an empty key":                    {[][]string{{" A"}}, true, 0},
		"the empty key twice":             {[][]string{{" ", " A"}}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var tallies []tally
			var rows, dead int64
			for _, batches := range tt.parts {
				counts := newTallying(&spec, schema)
				for _, keys := range batches {
					b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
					for _, key := range keys {
						id := string(key)
						if id == " " {
							id = ""
						}
						b.Field(0).(*array.StringBuilder).Append(id)
						b.Field(1).(*array.BooleanBuilder).Append(key >= 'a')
						rows++
					}
					record := b.NewRecordBatch()
					counts.add(record)
					record.Release()
					b.Release()
				}
				tallies = append(tallies, counts.tally)
				rows -= counts.rows
				dead += counts.dead
			}
			if got := distinct(tallies); got != tt.want || rows != 0 || dead != tt.dead {
				t.Errorf("distinct: %t, want %t; %d rows not counted; %d are dead, want %d", got, tt.want, rows, dead, tt.dead)
			}
		})
	}
}
