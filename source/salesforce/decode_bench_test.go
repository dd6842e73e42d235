package salesforce

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// wideRows gives rows of 75 columns as an Account has them: a third of the
// values null, most texts short, one long, as Bulk CSV and as a REST page.
func wideRows(n int) (types []string, csv []byte, page []byte) {
	types = []string{"id"}
	for i := 1; i < 75; i++ {
		types = append(types, []string{"string", "picklist", "reference", "datetime", "double", "boolean", "textarea", "int", "date", "phone"}[i%10])
	}
	samples := map[string][2]string{
		"id": {"001Dn00000ABCDEIA5", `"001Dn00000ABCDEIA5"`}, "string": {"Burlington Textiles, Inc", `"Burlington Textiles, Inc"`},
		"picklist": {"Customer - Direct", `"Customer - Direct"`}, "reference": {"005Dn000001XyZAIA0", `"005Dn000001XyZAIA0"`},
		"datetime": {"2023-10-22T06:25:12.000Z", `"2023-10-22T06:25:12.000+0000"`}, "double": {"1500.25", "1500.25"},
		"boolean": {"true", "true"}, "textarea": {strings.Repeat("said \"\"no\"\" to it, ", 4), `"` + strings.Repeat(`said \"no\" to it, `, 4) + `"`},
		"int": {"39000", "39000"}, "date": {"2019-01-01", `"2019-01-01"`}, "phone": {"(336) 222-7000", `"(336) 222-7000"`},
	}
	var c, j bytes.Buffer
	for i := range types {
		fmt.Fprintf(&c, ",\"%s\"", columnName(i))
	}
	header := append(c.Bytes()[1:len(c.Bytes()):len(c.Bytes())], '\n')
	c = *bytes.NewBuffer(bytes.Clone(header))
	fmt.Fprintf(&j, `{"totalSize":%d,"done":true,"records":[`, n)
	for row := range n {
		if row > 0 {
			j.WriteByte(',')
		}
		j.WriteString(`{"attributes":{"type":"Thing","url":"/services/data/v64.0/sobjects/Thing/001Dn00000ABCDEIA5"}`)
		for i, typ := range types {
			sample := samples[typ]
			if (row*31+i*7)%3 == 0 && i > 0 {
				sample = [2]string{"", "null"}
			}
			if i > 0 {
				c.WriteByte(',')
			}
			fmt.Fprintf(&c, `"%s"`, sample[0])
			fmt.Fprintf(&j, `,"%s":%s`, columnName(i), sample[1])
		}
		c.WriteByte('\n')
		j.WriteByte('}')
	}
	j.WriteString("]}")
	return types, c.Bytes(), j.Bytes()
}

func columnName(i int) string {
	if i == 0 {
		return "Id"
	}
	return fmt.Sprintf("c%d", i)
}

func benchDecode(b *testing.B, types []string, size int, read func(*batcher) (int64, error)) {
	o := &object{Name: "Thing"}
	for i, typ := range types {
		o.Fields = append(o.Fields, field{Name: columnName(i), Type: typ})
	}
	schema, _ := schemaOf(o)
	alloc := memory.NewGoAllocator() // as a run has
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		batch := newBatcher("Thing", schema, alloc, func(arrow.RecordBatch) error { return nil })
		if _, err := read(batch); err != nil {
			b.Fatal(err)
		}
		if err := batch.flush(); err != nil {
			b.Fatal(err)
		}
		batch.release()
	}
}

func BenchmarkDecodeCSV(b *testing.B) {
	types, csv, _ := wideRows(20_000)
	benchDecode(b, types, len(csv), func(batch *batcher) (int64, error) { return decodeCSV(bytes.NewReader(csv), false, batch) })
}

func BenchmarkDecodeJSON(b *testing.B) {
	types, _, page := wideRows(2_000)
	benchDecode(b, types, len(page), func(batch *batcher) (int64, error) {
		p, err := parsePage(page)
		if err != nil {
			return 0, err
		}
		return decodeJSON(p, batch)
	})
}
