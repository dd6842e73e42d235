package fakeorg

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// nastyTexts are values that real orgs hold and that programs bend: texts that
// look like something else, characters with a meaning in CSV, JSON or SQL, and
// the corners of Unicode.
var nastyTexts = []string{
	"00123", "1e5", "1.0", "-0", "0x1F", "null", "NULL", "NA", "N/A", "None", "nan", "NaN", "#N/A", "TRUE", "false", "Infinity",
	" leading blank", "trailing blank ", "\ttab\tbetween", "a,b,c", `say "hello"`, `"`, `""`, `"quoted"`, `ends with "`, `back\slash\n`,
	"two\nlines", "two\r\nlines", "old\rmac", "ends with newline\n", "\r\nstarts with one", "mixed\r\n\n\r\r\nends",
	"'; DROP TABLE account; --", "=1+1", "@sum", "-5", "+49 30 1234", "2024-02-30", "2024-01-01T00:00:00Z", "{\"json\": [1, null]}",
	"<b>bold</b> &amp; more", "emoji 😀 and 👩‍👩‍👧‍👦", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈", "e\u0301 combining, not \u00e9", "שלום עולם", "مرحبا بالعالم", "\u202eoverride\u202c",
	"line\u2028separator", "paragraph\u2029separator", "nbsp\u00a0here", "zero\u200bwidth", "\ufeffBOM inside", "İstanbul ıI ß ﬁ", "日本語テキスト", "\u007f\u0085 controls",
	"100%", "a_b%c", "semi;colon;list", "pipe|caret^tick`", "$1 ${x} %s {0}", "\\N", "\\\"", "null\t", "\x01\x1f low controls", "�replacement",
}

// hugeTexts are the few very long values, cut to the length of the field.
var hugeTexts = sync.OnceValue(func() []string {
	rich := "<p>A <b>rich</b> text with <a href=\"https://www.example.com/?a=1&amp;b=2\">a link</a>,\r\nquotes \"\", emoji 😀 and ünïcode.</p>\n"
	plain := strings.Join(paragraphs()[:600], "\n\n")
	return []string{strings.Repeat(rich, 1400), plain + plain, strings.Repeat("\"", 140_000), strings.Repeat("x,\"y\"\r\n", 20_000)}
})

var nastyDoubles = []float64{
	0, -1, -0.01, 0.001, 1.0e-4, 1.0e-7, 0.1, 1.0 / 3, 9999999.99, 1e7, 1.39e8, 9.9213206e7, 1.15056052e8, 9.0e7, 123456789.12, -9876543210.5,
	999999999999999, 12345678901234567, 999999999999999999, 4.9e-5, 1234567.891, 2147483648, 9007199254740993,
}

var nastyInts = []int64{0, -1, 1, 2147483647, -2147483648, 99999999, 1000000}

var nastyDays = []int64{
	day(1, 1, 1), day(1700, 2, 28), day(1582, 10, 15), day(1899, 12, 31), day(1969, 12, 31), day(1970, 1, 1), day(2000, 2, 29), day(2038, 1, 20), day(4000, 12, 31),
}

var nastyTimes = []int64{0, msPerDay - 1, msPerDay / 2, 1, 12*3600*1000 + 30*1000}

func day(year int, month time.Month, d int) int64 {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC).UnixMilli()
}

// cut shortens s to at most n characters, as Salesforce counts them: in UTF-16
// units, never through the middle of one character.
func cut(s string, n int) string {
	if n <= 0 || len(s) <= n {
		return s
	}
	units := 0
	for i, r := range s {
		units += utf16Len(r)
		if units > n {
			return s[:i]
		}
	}
	return s
}

func utf16Len(r rune) int {
	if r > 0xffff && r <= utf8.MaxRune {
		return 2
	}
	return 1
}
