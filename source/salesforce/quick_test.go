package salesforce

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

// everyType has a column of each kind, and texts of the two sorts.
var everyType = []string{"id", "string", "boolean", "int", "double", "date", "datetime", "time", "anyType", "textarea"}

// carefulCSV is decodeCSV without the quick way.
func carefulCSV(r io.Reader, b *batcher) error {
	c := newCSVReader(r, false)
	order, err := b.readHeader(c)
	for err == nil {
		var fields []csvField
		if fields, err = c.next(); err != nil {
			break
		}
		if len(fields) < len(order) && c.eof && c.pos == c.end {
			return errCut
		}
		_, err = b.csvRow(fields, order, nil)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// carefulJSON is decodeJSON without the quick way.
func carefulJSON(p queryPage, b *batcher) error {
	s := p.records
	if err := s.take('['); err != nil {
		return err
	}
	for more := !s.empty(']'); more; {
		b.beginRow()
		from := s.i
		err := b.jsonRow(&s, make([]bool, len(b.cols)))
		if err != nil {
			return b.jsonError(s.b[from:], err)
		}
		if err = b.endRow(); err != nil {
			return err
		}
		if more, err = s.more(']'); err != nil {
			return err
		}
	}
	return nil
}

func sameRows(t *testing.T, quick, careful rows, err1, err2 error) {
	t.Helper()
	if fmt.Sprint(err1) != fmt.Sprint(err2) {
		t.Fatalf("quick: %v\ncareful: %v", err1, err2)
	}
	compare(t, quick, careful)
}

func FuzzQuickCSVIsCarefulCSV(f *testing.F) {
	const header = "\"Id\",\"c1\",\"c2\",\"c3\",\"c4\",\"c5\",\"c6\",\"c7\",\"c8\",\"c9\"\n"
	row := `"1","said ""no"", é","true","47.0","1.39E8","2026-05-01","2026-05-01T07:25:37.123Z","23:59:59.999Z","2026-05-01T07:25:37.123+0000","a` + "\r\n" + `b"` + "\n"
	f.Add([]byte(header + row + row))
	f.Add([]byte(header + strings.ReplaceAll(row, "\n", "\r\n") + `"2","","","","","","","","",""` + "\n" + row))
	f.Add([]byte(header + strings.ReplaceAll(row, "true", "false") + strings.ReplaceAll(row, "47.0", "47.5") + row))
	f.Fuzz(func(t *testing.T, text []byte) {
		quick, err1 := decodeCSVText(t, everyType, bytes.NewReader(text))
		careful, err2 := decode(t, everyType, func(b *batcher) error { return carefulCSV(bytes.NewReader(text), b) })
		sameRows(t, quick, careful, err1, err2)
	})
}

func FuzzQuickJSONIsCarefulJSON(f *testing.F) {
	row := `{"attributes":{"type":"Thing","url":"/x/1"},"Id":"1","c1":"said \"no\" \u00e9","c2":true,"c3":47.0,"c4":-1.39E8,"c5":"2026-05-01","c6":"2026-05-01T07:25:37.123+0000","c7":"23:59:59.999Z","c8":"2026-05-01T07:25:37.123+0000","c9":"a\r\nb\ud83d\ude00"}`
	null := `{"attributes":{"type":"Thing","url":"/x/1"},"Id":"1","c1":null,"c2":null,"c3":null,"c4":null,"c5":null,"c6":null,"c7":null,"c8":5.0,"c9":""}`
	for _, records := range []string{row + "," + row, row + "," + null + "," + row, row + strings.ReplaceAll(row, "true", "false") + " , " + row} {
		f.Add([]byte(`{"totalSize":2,"done":true,"records":[` + records + `]}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		quick, err1 := decodeJSONText(t, everyType, string(body))
		careful, err2 := decode(t, everyType, func(b *batcher) error {
			p, err := parsePage(body)
			if err != nil {
				return err
			}
			return carefulJSON(p, b)
		})
		sameRows(t, quick, careful, err1, err2)
	})
}

// A text of any length may end anywhere in a word of eight bytes, and fill the
// room that there is to the last byte.
func TestTextsOfEveryLengthAreReadAlikeByBothWays(t *testing.T) {
	var values []string
	for n := range 300 {
		values = append(values, strings.Repeat("x", n)+"\"", strings.Repeat("é", n), strings.Repeat("\"", n)+"y", strings.Repeat("x", n)+"😀\\")
	}
	for _, size := range []int{50, len(values)} {
		quick, err1 := decodeCSVText(t, []string{"id", "string"}, strings.NewReader(asCSV(values[:size])))
		careful, err2 := decode(t, []string{"id", "string"}, func(b *batcher) error { return carefulCSV(strings.NewReader(asCSV(values[:size])), b) })
		sameRows(t, quick, careful, err1, err2)
		for _, body := range []string{asJSON(values[:size]), strings.ReplaceAll(asJSON(values[:size]), "😀", `\ud83d\ude00`)} {
			rest, err := decodeJSONText(t, []string{"id", "string"}, body)
			sameRows(t, rest, careful, err, nil)
		}
	}
}

func TestOrdinaryRecordsGoTheQuickWay(t *testing.T) {
	types, csv, page := wideRows(50)
	_, err := decode(t, types, func(b *batcher) error {
		c := newCSVReader(bytes.NewReader(csv), false)
		order, err := b.readHeader(c)
		if err == nil {
			err = b.quickRows(c, order)
		}
		if b.rows < 49 {
			t.Errorf("%d of 50 CSV records went the quick way", b.rows)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = decode(t, types, func(b *batcher) error {
		s := must(parsePage(page)).records
		s.i++
		b.beginRow()
		if !b.quickJSON(&s) {
			t.Error("the first JSON record did not go the quick way")
		}
		return b.endRow()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzQuickValuesAreThoseOfTheParsers(f *testing.F) {
	for _, s := range []string{
		"0", "-0.0", "47.0", "1.39E8", "9007199254740993", "0.1", "123456789012345678", "1e-22", "1E+23", "5.", ".5", "1.7976931348623157E308", "12.50E-3",
		"2026-05-01", "0000-02-29", "2023-02-29", "2026-05-01T07:25:37.123Z", "2026-05-01T07:25:37.123+0000", "2026-05-01T24:25:37.123Z", "\xca026-05-01",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := append(bytes.Clone(b), make([]byte, quickMargin)...)
		if v, n := quickInt(p); n > 0 {
			if want, err := parseInt(p[:n]); err != nil || v != want {
				t.Errorf("int %q: %d, want %d, %v", p[:n], v, want, err)
			}
		}
		if v, n := quickFloat(p); n > 0 {
			if want, err := parseFloat(p[:n]); err != nil || math.Float64bits(v) != math.Float64bits(want) {
				t.Errorf("float %q: %v, want %v, %v", p[:n], v, want, err)
			}
		}
		if v, n := quickDate(p); n > 0 {
			if want, err := parseDate(p[:n]); err != nil || v != int64(want) {
				t.Errorf("date %q: %d, want %d, %v", p[:n], v, want, err)
			}
		}
		if v, n := quickStamp(p); n > 0 {
			if want, err := parseStamp(p[:n]); err != nil || v != want {
				t.Errorf("stamp %q: %d, want %d, %v", p[:n], v, want, err)
			}
		}
	})
}
