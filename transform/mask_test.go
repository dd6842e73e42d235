package transform

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestMasks(t *testing.T) {
	mac := hmac.New(sha256.New, []byte("battery staple"))
	mac.Write([]byte("john.doe@example.com"))
	for mask, want := range map[string]string{
		// the sums are those of sha256sum and md5sum
		"email__c:hash":                "text 836f82db99121b3481011f16b49dfa5fbc714a0d1b1b9f784a1ebbbf5b39577f",
		"email__c:sha256":              "text 836f82db99121b3481011f16b49dfa5fbc714a0d1b1b9f784a1ebbbf5b39577f",
		"email__c:md5":                 "text 8eb1b522f60d11fa897de1dc6351b7e8",
		"email__c:hmac:OTHER_KEY":      "text " + hex.EncodeToString(mac.Sum(nil)),
		"email__c:email":               "text j******e@example.com",
		"email__c:phone":               "text ",
		"email__c:redact":              "text REDACTED",
		"email__c:stars":               "text ********************",
		"email__c:fixed":               "text MASKED",
		"email__c:fixed:a:b":           "text a:b",
		"email__c:partial":             "text jo****************om",
		"email__c:partial:9":           "text john.doe@**ample.com",
		"email__c:partial:10":          "text ********************",
		"email__c:first_letter":        "text j*******************",
		"number_of_employees:hash":     "text " + sum("52300"),
		"number_of_employees:round":    "bigint 52300",
		"NumberOfEmployees:ROUND:5000": "bigint 50000",
		"AnnualRevenue:round:1000":     "double 1000",
		"birthdate:year_only":          "bigint 1990",
		"created_date:year_only":       "bigint 2026",
		"birthdate:month_year":         "text 1990-05",
		"created_date:redact":          "text REDACTED",
		"active__c:hash":               "text " + sum("true"),
	} {
		opts := loadOptions()
		opts.Masks = mustMasks(t, mask)
		field := accounts.Field(find(accounts, opts.Masks[0].Field)).Name
		if got := changed(t, opts, 0)[field]; got != want {
			t.Errorf("%s: %q, want %q", mask, got, want)
		}
		if got := changed(t, opts, 1)[field]; !strings.HasSuffix(got, " null") {
			t.Errorf("%s: null became %q", mask, got)
		}
	}
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

func TestTextMasks(t *testing.T) {
	for _, tt := range []struct{ mask, in, want string }{
		{"phone", "+1-555-123-4567", "155-***-****"},
		{"phone", "555-1234", "*******"},
		{"email", "ab@example.com", "**@example.com"},
		{"email", "@example.com", "@example.com"},
		{"email", "no address", "no******ss"},
		{"partial", "äöüß€", "äö*ß€"},
		{"partial", "", ""},
		{"first_letter", "€uro", "€***"},
		{"first_letter", "A", "A"},
		{"stars", "", ""},
	} {
		if got := (Mask{Algorithm: tt.mask}).text()(tt.in); got != tt.want {
			t.Errorf("%s of %q is %q, want %q", tt.mask, tt.in, got, tt.want)
		}
	}
}

func TestNumbersAreRoundedToTheNearest(t *testing.T) {
	for _, tt := range []struct{ v, n, want int64 }{{34, 10, 30}, {35, 10, 40}, {25, 10, 20}, {-34, 10, -30}, {-36, 10, -40}, {-25, 10, -20}, {4, 3, 3}, {5, 3, 6}, {0, 7, 0}} {
		in := array.NewInt64Builder(memory.DefaultAllocator)
		in.Append(tt.v)
		out := array.NewInt64Builder(memory.DefaultAllocator)
		if err := round(tt.n)(in.NewArray(), 0, out); err != nil || out.Value(0) != tt.want {
			t.Errorf("%d to %d: %d, want %d (%v)", tt.v, tt.n, out.Value(0), tt.want, err)
		}
	}
	in := array.NewInt64Builder(memory.DefaultAllocator)
	in.Append(9223372036854775807)
	err := round(10)(in.NewArray(), 0, array.NewInt64Builder(memory.DefaultAllocator))
	if err == nil || strings.Contains(err.Error(), "922") {
		t.Errorf("the largest number: %v", err)
	}
}

func TestDatesOfARowMoveAlikeAndAlwaysTheSame(t *testing.T) {
	opts := loadOptions()
	opts.Masks = mustMasks(t, "birthdate:date_shift:3,created_date:date_shift:3")
	got := changed(t, opts, 0)
	born, err := time.Parse(time.DateOnly, strings.TrimPrefix(got["Birthdate"], "date "))
	if err != nil {
		t.Fatal(err)
	}
	made, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(got["CreatedDate"], "timestamp "))
	if err != nil {
		t.Fatal(err)
	}
	moved := born.Sub(time.Date(1990, 5, 15, 0, 0, 0, 0, time.UTC))
	if most := 3 * 24 * time.Hour; moved == 0 || moved < -most || moved > most {
		t.Errorf("moved by %s", moved)
	}
	if other := made.Sub(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)); other != moved {
		t.Errorf("one date moved by %s, the other by %s", moved, other)
	}
	if again := changed(t, opts, 0); again["Birthdate"] != got["Birthdate"] {
		t.Errorf("%s, then %s", got["Birthdate"], again["Birthdate"])
	}
}

// TestShiftsReachEveryDay shows that all days but 0 come up, and those of both
// signs.
func TestShiftsReachEveryDay(t *testing.T) {
	seen := map[int32]int{}
	shift := dateShift([]byte("k"), 3, nil)
	for day := range 1000 {
		in := array.NewDate32Builder(memory.DefaultAllocator)
		in.AppendValueFromString(time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly))
		out := array.NewDate32Builder(memory.DefaultAllocator)
		b := batch(t, memory.DefaultAllocator, accounts, `[]`)
		if err := shift(b, in.NewArray(), 0, out); err != nil {
			t.Fatal(err)
		}
		seen[int32(out.Value(0))-int32(day)]++
	}
	if len(seen) != 6 || seen[0] > 0 || seen[-3] == 0 || seen[3] == 0 {
		t.Errorf("%v", seen)
	}
}

func TestMasksThatMakeNoSenseAreRefused(t *testing.T) {
	for _, bad := range []string{"", "a", "a:", ":hash", "a:rot13", "a:uuid", "a:hash:s3cret", "a:round:0", "a:round:s3cret", "a:partial:-1", "a:date_shift:99999", "a:hash,,", "a:round:"} {
		_, err := ParseMasks(bad)
		var e *Error
		if !errors.As(err, &e) || e.Mend == "" || !e.Usage || strings.Contains(e.Error()+e.Mend, "s3cret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseMasks(f *testing.F) {
	for _, s := range []string{"email:hash,phone:partial:3", "a:fixed:x:y", "a:hmac:KEY", ",,", "a:round:99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		masks, err := ParseMasks(text)
		if err != nil {
			return
		}
		// A mask that was taken can be made, or says why not.
		for _, m := range masks {
			for _, field := range accounts.Fields() {
				s, err := m.step(field, loadOptions())
				if err == nil && (s.to == nil || (s.do == nil) == (s.record == nil)) {
					t.Errorf("%q gives %v of %s", text, s, field.Name)
				}
			}
		}
	})
}

func FuzzMaskText(f *testing.F) {
	f.Add("john.doe@example.com", int64(2))
	f.Add("\xff", int64(1))
	f.Fuzz(func(t *testing.T, text string, n int64) {
		text = strings.ToValidUTF8(text, "?")
		n = max(n, 1)
		got := partial(text, n)
		if len([]rune(got)) != len([]rune(text)) || strings.Count(got, "*") == 0 && text != "" {
			t.Errorf("%q became %q", text, got)
		}
		if digits := strings.Trim(maskPhone(text), "*-"); len(digits) != 0 && len(digits) != 3 {
			t.Errorf("%q became %q", text, maskPhone(text))
		}
		if _, domain, ok := strings.Cut(text, "@"); ok && !strings.HasSuffix(maskEmail(text), "@"+domain) {
			t.Errorf("%q became %q", text, maskEmail(text))
		}
	})
}
