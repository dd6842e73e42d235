package transform

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

// one is an array that holds one value, written as JSON.
func one(t testing.TB, typ arrow.DataType, value string) arrow.Array {
	t.Helper()
	a, _, err := array.FromJSON(memory.DefaultAllocator, typ, strings.NewReader("["+value+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// converted is the text of a value after a change of type, or the reason of a
// refusal behind "no: ".
func converted(t testing.TB, in arrow.Array, to arrow.DataType) string {
	t.Helper()
	do := conversion(in.DataType(), to)
	if do == nil {
		return "no such change"
	}
	out := array.NewBuilder(memory.DefaultAllocator, to)
	if err := do(in, 0, out); err != nil {
		_, why, _ := strings.Cut(err.Error(), TypeName(to)+": ")
		if out.Len() != 0 {
			t.Errorf("a refused value left %d values", out.Len())
		}
		return "no: " + why
	}
	return Text(out.NewArray(), 0)
}

func TestValuesBecomeOtherTypesExactlyOrNot(t *testing.T) {
	for _, tt := range []struct{ from, value, to, want string }{
		{"text", `"-9223372036854775808"`, "bigint", "-9223372036854775808"},
		{"text", `"9223372036854775808"`, "bigint", "no: it is not a whole number of 64 bits"},
		{"text", `""`, "bigint", "no: it is not a whole number of 64 bits"},
		{"double", `-3`, "bigint", "-3"},
		{"double", `9007199254740992`, "bigint", "9007199254740992"},
		{"double", `9007199254740994`, "bigint", "no: it is not whole, or too large to be exact"},
		{"double", `0.5`, "bigint", "no: it is not whole, or too large to be exact"},
		{"text", `"1.5e3"`, "double", "1500"},
		{"text", `"0x1p4"`, "double", "no: it is not a number"},
		{"text", `"NaN"`, "double", "no: it is not a number"},
		{"text", `"1e999"`, "double", "no: it is not a number"},
		{"bigint", `9007199254740993`, "double", "no: a double has 53 bits"},
		{"bigint", `-7`, "double", "-7"},
		{"double", `0.1`, "decimal(3,2)", "0.10"},
		{"double", `-1234.5`, "decimal(6,2)", "-1234.50"},
		{"double", `12345.5`, "decimal(6,2)", "no: it has too many digits before the point"},
		{"double", `1e3`, "decimal(4)", "1000"},
		{"double", `0.30000000000000004`, "decimal(38,20)", "no: a double is exact to 15 digits"},
		{"double", `1234567890123456.7`, "decimal(38,20)", "no: a double is exact to 15 digits"},
		{"double", `-0.0`, "decimal(1,0)", "0"},
		{"double", `1.005`, "decimal(10,2)", "no: it has 3 digits after the point"},
		{"bigint", `9007199254740993`, "decimal(16)", "9007199254740993"},
		{"bigint", `-9223372036854775808`, "decimal(38,19)", "-9223372036854775808.0000000000000000000"},
		{"double", `1e21`, "decimal(38)", "1000000000000000000000"},
		{"text", `"+12.50"`, "decimal(3,1)", "12.5"},
		{"text", `"-+1"`, "decimal(3,1)", "no: it is not a number"},
		{"text", `"1e99999999999"`, "decimal(3,1)", "no: it is not a number"},
		{"text", `"99999999999999999999999999999999999999"`, "decimal(38)", "99999999999999999999999999999999999999"},
		{"text", `"."`, "decimal(3,1)", "no: it is not a number"},
		{"text", `"true"`, "boolean", "true"},
		{"text", `"0"`, "boolean", "false"},
		{"text", `"yes"`, "boolean", "no: it is neither true nor false, 1 nor 0"},
		{"bigint", `1`, "boolean", "no such change"},
		{"text", `"2024-02-29"`, "date", "2024-02-29"},
		{"text", `"2023-02-29"`, "date", "no: it is not written like 2026-03-01"},
		{"timestamp", `"1969-12-30T00:00:00Z"`, "date", "1969-12-30"},
		{"timestamp", `"1969-12-30T00:00:00.000001Z"`, "date", "no: it has a time of day"},
		{"date", `"1969-12-30"`, "timestamp", "1969-12-30T00:00:00.000000Z"},
		{"text", `"2026-03-01T08:00:00.5+0200"`, "timestamp", "2026-03-01T06:00:00.500000Z"},
		{"text", `"2026-03-01T08:00:00"`, "timestamp", "no: it is not written like 2026-03-01T08:00:00Z, to the microsecond"},
		{"text", `"2026-03-01T08:00:00.0000001Z"`, "timestamp", "no: it is not written like 2026-03-01T08:00:00Z, to the microsecond"},
		{"text", `"23:59:59.999Z"`, "time", "23:59:59.999000"},
		{"text", `"24:00:00"`, "time", "no: it is not written like 08:00:00, to the microsecond"},
		{"time", `"08:30:00"`, "text", "08:30:00.000000"},
		{"double", `1e21`, "text", "1000000000000000000000"},
		{"double", `0.1`, "text", "0.1"},
		{"boolean", `true`, "text", "true"},
		{"time", `"08:30:00"`, "date", "no such change"},
	} {
		from, err := parseType(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := parseType(tt.to)
		if err != nil {
			t.Fatal(err)
		}
		if got := converted(t, one(t, from, tt.value), to); got != tt.want {
			t.Errorf("%s %s to %s: %q, want %q", tt.from, tt.value, tt.to, got, tt.want)
		}
	}
}

// TestDecimalsOfDoublesAreTheDecimalsThatWereSent sends decimals of up to 15
// digits through a double, as an org does.
func TestDecimalsOfDoublesAreTheDecimalsThatWereSent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	to := &arrow.Decimal128Type{Precision: 38, Scale: 18}
	for range 20_000 {
		digits := strconv.FormatInt(r.Int64N(int64(math.Pow10(1+r.IntN(15)))), 10)
		sent := digits + "e-" + strconv.Itoa(r.IntN(19))
		f, _ := strconv.ParseFloat(sent, 64)
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		b.Append(f)
		want, _ := new(big.Rat).SetString(sent)
		got, ok := new(big.Rat).SetString(converted(t, b.NewArray(), to))
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("%s came as %v", sent, got)
		}
	}
}

func TestColumnsAreParsed(t *testing.T) {
	type column struct{ Name, Type, Source string }
	var got []column
	for _, c := range mustColumns(t, "amount:decimal(18,2), name::Name ,A:Numeric( 5 ):B__c,t:VARCHAR") {
		typ := ""
		if c.Type != nil {
			typ = TypeName(c.Type)
		}
		got = append(got, column{c.Name, typ, c.Source})
	}
	want := []column{{"amount", "decimal(18,2)", ""}, {"name", "", "Name"}, {"A", "decimal(5,0)", "B__c"}, {"t", "text", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "a", "a:", ":text", "a:blob", "a:text:", "a:text:b:c", "a:decimal", "a:decimal(39,2)", "a:decimal(2,3)", "a:decimal(x)", "a:decimal(1,2", "a:text,,b:text", "a:decimal(5,-1)", "\xff:text"} {
		if c, err := ParseColumns(bad); err == nil {
			t.Errorf("%q was taken as %v", bad, c)
		}
	}
}

func FuzzParseColumns(f *testing.F) {
	for _, s := range []string{"amount:decimal(18,2),name::Name", "a:text:b", "((,", "a:decimal(1,2", ":::,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		columns, err := ParseColumns(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Mend == "" {
				t.Errorf("%q: no hint", text)
			}
			return
		}
		// What was understood, written again, is understood the same.
		var entries []string
		for _, c := range columns {
			typ := ""
			if c.Type != nil {
				typ = TypeName(c.Type)
			}
			entry := c.Name + ":" + typ
			if c.Source != "" {
				entry += ":" + c.Source
			}
			entries = append(entries, entry)
		}
		again, err := ParseColumns(strings.Join(entries, ","))
		if err != nil || len(again) != len(columns) {
			t.Fatalf("%q: %v", entries, err)
		}
		for i, c := range columns {
			if a := again[i]; a.Name != c.Name || a.Source != c.Source || (a.Type == nil) != (c.Type == nil) || a.Type != nil && !arrow.TypeEqual(a.Type, c.Type) {
				t.Errorf("%q: %v and %v", text, c, a)
			}
		}
	})
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"0", "-1.50", "1e3", "1E-5", ".5", "5.", "+7", "1e400", "--1", "1e+-2", "00012.3400"} {
		f.Add(s, uint8(18), uint8(4))
	}
	f.Fuzz(func(t *testing.T, text string, precision, scale uint8) {
		p := int32(precision%38) + 1
		s := int32(scale) % (p + 1)
		n, why := parseDecimal(text, p, s)
		if why != "" {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number and was taken", text)
		}
		got := new(big.Rat).SetFrac(n.BigInt(), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(s)), nil))
		if got.Cmp(want) != 0 || !n.FitsInPrecision(p) {
			t.Errorf("%q became %s", text, got)
		}
	})
}
