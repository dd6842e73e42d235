package salesforce

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/source"
)

// rows are decoded values as text, "<null>" for null.
type rows [][]string

// decode runs read with a batcher over columns of the given types, named Id,
// c1, c2 and so on, and checks that no Arrow memory is left.
func decode(t testing.TB, types []string, read func(b *batcher) error) (rows, error) {
	t.Helper()
	o := &object{Name: "Thing"}
	for i, typ := range types {
		name := fmt.Sprintf("c%d", i)
		if i == 0 {
			name = "Id"
		}
		o.Fields = append(o.Fields, field{Name: name, Type: typ})
	}
	schema, _ := schemaOf(o)
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	var got rows
	b := newBatcher("Thing", schema, alloc, func(r arrow.RecordBatch) error {
		for i := range int(r.NumRows()) {
			var row []string
			for _, c := range r.Columns() {
				switch c := c.(type) {
				case *array.String:
					if c.IsNull(i) {
						row = append(row, "<null>")
					} else {
						row = append(row, strings.Clone(c.Value(i)))
					}
				default:
					v := "<null>"
					if c.IsValid(i) {
						v = c.ValueStr(i)
					}
					row = append(row, v)
				}
			}
			got = append(got, row)
		}
		return nil
	})
	defer b.release()
	err := read(b)
	if err == nil {
		err = b.flush()
	}
	return got, err
}

func decodeCSVText(t testing.TB, types []string, r io.Reader) (rows, error) {
	return decode(t, types, func(b *batcher) error {
		_, err := decodeCSV(r, false, b)
		return err
	})
}

func decodeJSONText(t testing.TB, types []string, body string) (rows, error) {
	return decode(t, types, func(b *batcher) error {
		p, err := parsePage([]byte(body))
		if err != nil {
			return err
		}
		_, err = decodeJSON(p, b)
		return err
	})
}

// nasty are texts that other tools have bent (P1).
var nasty = []string{
	"null", "NA", "N/A", "None", "nan", "#N/A", "00123", "1e5", "1.0", "TRUE", " lead", "trail ", ",", `"`, `""`, `a"b`, `"quoted"`,
	"cr\rlf\ncrlf\r\nend", "tab\t", "\n", "\r\n", "é", "日本語", "😀👩‍👩‍👧", "\u2028\u2029", "e\u0301", "שלום", "\x00", "a\x00b", "\\", `\n`, "\ufeff",
	strings.Repeat("x", 131_072), strings.Repeat(`"`, 5000), strings.Repeat("é\r\n\",", 50_000),
}

// The same values by both APIs, as Salesforce writes each.
func asCSV(values []string) string {
	var b strings.Builder
	b.WriteString("\"Id\",\"c1\"\n")
	for i, v := range values {
		fmt.Fprintf(&b, "\"%d\",\"%s\"\n", i+1, strings.ReplaceAll(v, `"`, `""`))
	}
	return b.String()
}

func asJSON(values []string) string {
	var records []string
	for i, v := range values {
		text, _ := json.Marshal(v)
		records = append(records, fmt.Sprintf(`{"attributes":{"type":"Thing","url":"/x"},"Id":"%d","c1":%s}`, i+1, text))
	}
	return fmt.Sprintf(`{"totalSize":%d,"done":true,"records":[%s]}`, len(values), strings.Join(records, ","))
}

func wantNasty() rows {
	var want rows
	for i, v := range nasty {
		want = append(want, []string{fmt.Sprint(i + 1), v})
	}
	return want
}

func compare(t *testing.T, got, want rows) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		for j := range want[i] {
			if got[i][j] != want[i][j] {
				t.Errorf("row %d, column %d: %.80q, want %.80q", i, j, got[i][j], want[i][j])
			}
		}
	}
}

func TestTextKeepsEveryByteByBulkWhateverTheReads(t *testing.T) {
	text := asCSV(nasty)
	readers := map[string]func(string) io.Reader{
		"whole":           func(s string) io.Reader { return strings.NewReader(s) },
		"byte":            func(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) },
		"seven":           func(s string) io.Reader { return chunked{strings.NewReader(s), 7} },
		"4096":            func(s string) io.Reader { return chunked{strings.NewReader(s), 4096} },
		"data error":      func(s string) io.Reader { return iotest.DataErrReader(strings.NewReader(s)) },
		"no newline":      func(s string) io.Reader { return strings.NewReader(strings.TrimSuffix(s, "\n")) },
		"byte order mark": func(s string) io.Reader { return strings.NewReader("\ufeff" + s) },
	}
	for name, open := range readers {
		t.Run(name, func(t *testing.T) {
			got, err := decodeCSVText(t, []string{"id", "textarea"}, open(text))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, wantNasty())
		})
	}
	t.Run("CRLF line ends", func(t *testing.T) {
		got, err := decodeCSVText(t, []string{"id", "string"}, strings.NewReader("\"Id\",\"c1\"\r\n\"1\",\"a\nb\"\r\n\"2\",\"c\r\nd\"\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, got, rows{{"1", "a\nb"}, {"2", "c\r\nd"}})
	})
}

// chunked reads at most n bytes at once.
type chunked struct {
	r io.Reader
	n int
}

func (c chunked) Read(p []byte) (int, error) { return c.r.Read(p[:min(c.n, len(p))]) }

func TestTextKeepsEveryByteByREST(t *testing.T) {
	got, err := decodeJSONText(t, []string{"id", "textarea"}, asJSON(nasty))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got, wantNasty())
}

func TestBothAPIsGiveTheSameValuesForEveryType(t *testing.T) {
	types := []string{"id", "boolean", "int", "double", "date", "datetime", "time", "anyType", "json", "hologram"}
	csv := `"Id","c1","c2","c3","c4","c5","c6","c7","c8","c9"
"1","true","47.0","1.39E8","0001-01-01","2026-05-01T07:25:37.000Z","23:59:59.999Z","5.0","{""a"":1}","x"
"2","false","-1","0.1","4000-12-31","1700-02-28T00:00:00.000Z","00:00:00.000Z","true","",""
"3","","","","","","","","",""
`
	body := `{"totalSize":3,"done":true,"records":[
{"attributes":{"type":"Thing"},"Id":"1","c1":true,"c2":47.0,"c3":1.39E8,"c4":"0001-01-01","c5":"2026-05-01T07:25:37.000+0000","c6":"23:59:59.999Z","c7":5.0,"c8":{"a":1},"c9":"x"},
{"attributes":{"type":"Thing"},"Id":"2","c1":false,"c2":-1,"c3":0.1,"c4":"4000-12-31","c5":"1700-02-28T00:00:00.000+0000","c6":"00:00:00.000Z","c7":true,"c8":null,"c9":""},
{"c9":null,"c8":null,"c7":null,"c6":null,"c5":null,"c4":null,"c3":null,"c2":null,"c1":null,"Id":"3"}]}`
	bulk, err := decodeCSVText(t, types, strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	rest, err := decodeJSONText(t, types, body)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, rest, bulk)
	if want := []string{"1", "true", "47", "1.39e+08", "0001-01-01", "2026-05-01T07:25:37Z", "23:59:59.999000", "5.0", `{"a":1}`, "x"}; strings.Join(bulk[0], "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", bulk[0], want)
	}
}

func TestADatetimeInAnAnyTypeFieldIsTheSameByBothAPIs(t *testing.T) {
	values := []string{"2006-02-16T07:22:10.000+0000", "2006-02-16T07:22:10.000Z", "2006-02-31T07:22:10.000+0000", "5.0", "no date at all, but long+0000"}
	rest, err := decodeJSONText(t, []string{"id", "anyType"}, asJSON(values))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, rest, rows{{"1", "2006-02-16T07:22:10.000Z"}, {"2", "2006-02-16T07:22:10.000Z"}, {"3", values[2]}, {"4", "5.0"}, {"5", values[4]}})
	text, err := decodeJSONText(t, []string{"id", "string"}, asJSON(values))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, text[:1], rows{{"1", values[0]}})
}

func TestAValueThatIsNotOfItsTypeNamesObjectRecordAndField(t *testing.T) {
	cases := []struct{ typ, value string }{
		{"int", "47.5"}, {"boolean", "yes"}, {"double", "n/a"}, {"date", "2026-02-30"}, {"datetime", "yesterday"}, {"time", "25:00:00"},
	}
	for _, tt := range cases {
		_, bulk := decodeCSVText(t, []string{"id", tt.typ}, strings.NewReader(asCSV([]string{tt.value})))
		_, rest := decodeJSONText(t, []string{"id", tt.typ}, asJSON([]string{tt.value}))
		for _, err := range []error{bulk, rest} {
			want := fmt.Sprintf("Thing 1: field c1 holds %q, which is no %s", tt.value, tt.typ)
			if err == nil || err.Error() != want {
				t.Errorf("%s %q: %v, want %s", tt.typ, tt.value, err, want)
			}
		}
	}
	_, err := decodeJSONText(t, []string{"id", "int"}, `{"totalSize":1,"done":true,"records":[{"c1":"x","Id":"007"}]}`)
	if err == nil || !strings.Contains(err.Error(), "Thing 007") {
		t.Errorf("the Id behind the field: %v", err)
	}
}

func TestTextThatIsNotUTF8IsAnErrorThatNamesTheRecord(t *testing.T) {
	_, bulk := decodeCSVText(t, []string{"id", "string"}, strings.NewReader("\"Id\",\"c1\"\n\"7\",\"a\xffb\"\n"))
	_, raw := decodeJSONText(t, []string{"id", "string"}, "{\"totalSize\":1,\"done\":true,\"records\":[{\"Id\":\"7\",\"c1\":\"a\xffb\"}]}")
	_, half := decodeJSONText(t, []string{"id", "string"}, `{"totalSize":1,"done":true,"records":[{"Id":"7","c1":"a\ud83db"}]}`)
	for _, err := range []error{bulk, raw, half} {
		if !errors.Is(err, errEncoding) || !strings.Contains(err.Error(), "Thing 7") {
			t.Errorf("got %v, want an encoding error of Thing 7", err)
		}
	}
}

func TestACutResultIsNeverTakenForAWholeOne(t *testing.T) {
	text := asCSV([]string{"one", "two, with \"quotes\"", "three"})
	whole, _ := decodeCSVText(t, []string{"id", "string"}, strings.NewReader(text))
	for cut := len("\"Id\",\"c1\"\n"); cut < len(text)-1; cut++ {
		got, err := decodeCSVText(t, []string{"id", "string"}, strings.NewReader(text[:cut]))
		if err == nil && len(got) == len(whole) {
			t.Fatalf("cut at byte %d of %d: all rows and no error", cut, len(text))
		}
		// A cut behind a row is seen by its count. One behind a quote that ends
		// the last field is none to the reader: the line end alone is missing.
		if err == nil && text[cut-1] != '\n' && text[cut-1] != '"' {
			t.Fatalf("cut at byte %d (%q): no error", cut, text[:cut])
		}
	}
	body := asJSON([]string{"one", "two", "three"})
	for cut := range len(body) - 2 {
		if _, err := decodeJSONText(t, []string{"id", "string"}, body[:cut]); err == nil {
			t.Fatalf("JSON cut at byte %d: no error", cut)
		}
	}
}

func TestAnswersThatAreNoResultAreRefused(t *testing.T) {
	for _, text := range []string{
		"<html><body>maintenance</body></html>", "\"Id\"\n\"1\"\n", "\"Id\",\"c1\",\"c1\"\n", "\"Id\",\"c1\",\"other\"\n\"1\",\"2\",\"3\"\n",
		"\"Id\",\"c1\"\n\"1\"\n", "\"Id\",\"c1\"\n\"1\",\"2\",\"3\"\n", "\"Id\",\"c1\"\n\"1\",\"2\"x\n", "\"Id\",\"c1\"\n\"1\",\"2\"\r\"3\",\"4\"\n",
	} {
		if got, err := decodeCSVText(t, []string{"id", "string"}, strings.NewReader(text)); err == nil {
			t.Errorf("%q: rows %v and no error", text, got)
		}
	}
	for _, text := range []string{
		"", "null", "[]", "{}", "<html>", `{"totalSize":1,"done":false,"records":[]}`, `{"totalSize":1,"done":true}`,
		`{"totalSize":1,"done":true,"records":{}}`, `{"totalSize":1,"done":true,"records":[{"Id":"1"}]}`,
		`{"totalSize":1,"done":true,"records":[{"Id":"1","c1":nul}]}`, `{"totalSize":1,"done":true,"records":[{"Id":"1","c1":"\x"}]}`,
		strings.Repeat("[", 100_000), `{"a":` + strings.Repeat(`{"a":`, 100_000),
	} {
		if got, err := decodeJSONText(t, []string{"id", "string"}, text); err == nil {
			t.Errorf("%.60q: rows %v and no error", text, got)
		}
	}
}

func TestEmptyResultsHaveNoRows(t *testing.T) {
	for _, text := range []string{"", "\"Id\",\"c1\"\n", "\n", "\"c1\",\"Id\"\r\n"} {
		if got, err := decodeCSVText(t, []string{"id", "string"}, strings.NewReader(text)); err != nil || len(got) != 0 {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := decodeJSONText(t, []string{"id", "string"}, `{"totalSize":0,"done":true,"records":[]}`); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLongResultsComeInBatchesBoundedByRowsAndBytes(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("\"Id\",\"c1\"\n")
	const n = 3 * maxBatchRows
	for i := range n {
		fmt.Fprintf(&text, "\"%d\",\"%d\"\n", i, i)
	}
	var sizes []int64
	schema, _ := schemaOf(&object{Name: "Thing", Fields: []field{{Name: "Id", Type: "id"}, {Name: "c1", Type: "int"}}})
	b := newBatcher("Thing", schema, memory.NewGoAllocator(), func(r arrow.RecordBatch) error {
		sizes = append(sizes, r.NumRows())
		return nil
	})
	if got, err := decodeCSV(&text, false, b); err != nil || got != n {
		t.Fatal(got, err)
	}
	if len(sizes) != 3 || sizes[0] != firstBatchRows || sizes[1] != maxBatchRows {
		t.Errorf("batches of %v rows", sizes)
	}
	stop := errors.New("enough")
	b = newBatcher("Thing", schema, memory.NewGoAllocator(), func(arrow.RecordBatch) error { return stop })
	if _, err := decodeJSON(must(parsePage([]byte(`{"totalSize":1,"done":true,"records":[{"Id":"1","c1":1}]}`))), b); err != nil {
		t.Fatal(err)
	}
	if err := b.flush(); !errors.Is(err, stop) {
		t.Errorf("flush: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestPageHeadIsReadInAnyOrder(t *testing.T) {
	for _, body := range []string{
		`{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v64.0/query/x-1","records":[{"Id":"1","c1":"a"}]}`,
		`{"records":[{"Id":"1","c1":"]}"}],"nextRecordsUrl":"/services/data/v64.0/query/x-1","done":false,"totalSize":2}`,
	} {
		p, err := parsePage([]byte(body))
		if err != nil || p.Total != 2 || p.Done || p.Next != "/services/data/v64.0/query/x-1" {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

func FuzzDecodeCSV(f *testing.F) {
	f.Add([]byte(asCSV(nasty[:20])), 7)
	f.Add([]byte("Id,c1\n1,2\r\n\n3,\"4\"\"\"\r\n"), 1)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		whole, err1 := decodeCSVText(t, []string{"id", "string"}, bytes.NewReader(text))
		small, err2 := decodeCSVText(t, []string{"id", "string"}, chunked{bytes.NewReader(text), max(1, size%64)})
		if (err1 == nil) != (err2 == nil) || fmt.Sprint(whole) != fmt.Sprint(small) && err1 == nil {
			t.Errorf("read at once: %q, %v; in pieces: %q, %v", whole, err1, small, err2)
		}
	})
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(asJSON(nasty[:20])))
	f.Add([]byte(`{"totalSize":1,"done":true,"records":[{"Id":"1","c1":{"a":[1,true,null]}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodeJSONText(t, []string{"id", "string"}, string(body))
		if err != nil {
			return
		}
		var want struct{ Records []map[string]any }
		if json.Unmarshal(body, &want) != nil {
			return // the decoder reads no further than it has to
		}
		if len(want.Records) != len(got) {
			t.Fatalf("%d rows, encoding/json has %d", len(got), len(want.Records))
		}
		for i, r := range want.Records {
			if v, ok := r["c1"].(string); ok && v != "" && got[i][1] != v {
				t.Errorf("row %d: %q, encoding/json has %q", i, got[i][1], v)
			}
		}
	})
}

func TestErrorsOfValuesAreNotRetried(t *testing.T) {
	_, err := decodeCSVText(t, []string{"id", "int"}, strings.NewReader(asCSV([]string{"x"})))
	var e *source.Error
	if !errors.As(err, &e) || e.Retryable() {
		t.Errorf("%v", err)
	}
}

// TestNumbersReadAsTextKeepTheirDigits is what decimals of 18 digits are made of.
func TestNumbersReadAsTextKeepTheirDigits(t *testing.T) {
	const amount = "1234567890123456.78"
	csv, err := decodeCSVText(t, []string{"id", "string"}, strings.NewReader("\"Id\",\"c1\"\n\"1\",\""+amount+"\"\n"))
	if err != nil || csv[0][1] != amount {
		t.Errorf("CSV: %v, %v", csv, err)
	}
	page, err := decodeJSONText(t, []string{"id", "string"}, `{"totalSize":1,"done":true,"records":[{"Id":"1","c1":`+amount+`}]}`)
	if err != nil || page[0][1] != amount {
		t.Errorf("JSON: %v, %v", page, err)
	}
}

// TestAResultMayEndWithoutALineEnd has the last value of a result in no quotes:
// half of it looks like the whole, so the answer has to tell where it ends.
func TestAResultMayEndWithoutALineEnd(t *testing.T) {
	for text, want := range map[string]rows{
		"Id,c1\n1,a\n2,b": {{"1", "a"}, {"2", "b"}},
		"Id,c1\r\n1,":     {{"1", "<null>"}},
		"Id,c1":           nil,
	} {
		for _, whole := range []bool{true, false} {
			got, err := decode(t, []string{"id", "string"}, func(b *batcher) error {
				_, err := decodeCSV(strings.NewReader(text), whole, b)
				return err
			})
			if !whole {
				if !errors.Is(err, errCut) {
					t.Errorf("%q, which may be cut: %v, %v", text, got, err)
				}
				continue
			}
			sameRows(t, got, want, err, nil)
		}
	}
}
