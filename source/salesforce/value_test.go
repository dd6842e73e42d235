package salesforce

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestNumbersAreReadInEveryFormTheOrgWrites(t *testing.T) {
	floats := map[string]float64{
		"0.0": 0, "1500.0": 1500, "0.63": 0.63, "1.39E8": 139e6, "9.0E7": 9e7, "1.0E-4": 1e-4,
		"-1.15056052E8": -115056052, "950000000.0": 95e7, "123456789012345678": 123456789012345678,
		"1.7976931348623157E308": math.MaxFloat64, "4.9E-324": math.SmallestNonzeroFloat64,
	}
	for text, want := range floats {
		if got, err := parseFloat([]byte(text)); err != nil || got != want {
			t.Errorf("parseFloat(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "NaN", "Infinity", "inf", "1e999", "0x10", "1_000", "1,5", " 1", "."} {
		if got, err := parseFloat([]byte(text)); !errors.Is(err, errValue) {
			t.Errorf("parseFloat(%q) = %v, %v, want a refusal", text, got, err)
		}
	}
	ints := map[string]int64{
		"0": 0, "-7": -7, "47.0": 47, "0.0": 0, "1E3": 1000, "1.0E7": 1e7, "39000": 39000,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	}
	for text, want := range ints {
		if got, err := parseInt([]byte(text)); err != nil || got != want {
			t.Errorf("parseInt(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"47.5", "", "1e30", "9223372036854775808", "true", "-"} {
		if got, err := parseInt([]byte(text)); !errors.Is(err, errValue) {
			t.Errorf("parseInt(%q) = %v, %v, want a refusal", text, got, err)
		}
	}
}

func TestDatesAgreeWithTheCalendarInEveryYear(t *testing.T) {
	for _, year := range []int{1, 4, 100, 400, 999, 1582, 1600, 1700, 1899, 1900, 1970, 1972, 2000, 2024, 2100, 4000, 9999, 12345} {
		for day := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == year; day = day.AddDate(0, 0, 17) {
			want := int32(day.Unix() / 86400)
			if day.Unix()%86400 != 0 {
				t.Fatal("not a midnight")
			}
			if got, err := parseDate([]byte(day.Format("2006-01-02"))); err != nil || got != want {
				t.Fatalf("parseDate(%s) = %d, %v, want %d", day.Format("2006-01-02"), got, err, want)
			}
		}
	}
	for _, text := range []string{"", "2021-02-29", "1900-02-29", "2021-13-01", "2021-00-01", "2021-01-00", "2021-1-1", "21-01-01", "2021-01-01T", "2021/01/01"} {
		if got, err := parseDate([]byte(text)); !errors.Is(err, errValue) {
			t.Errorf("parseDate(%q) = %d, %v, want a refusal", text, got, err)
		}
	}
}

func TestStampsMeanTheSameInstantByBothAPIs(t *testing.T) {
	want := time.Date(2026, 5, 1, 7, 25, 37, 123e6, time.UTC).UnixMicro()
	for _, text := range []string{
		"2026-05-01T07:25:37.123+0000", "2026-05-01T07:25:37.123Z", "2026-05-01T07:25:37.123+00:00",
		"2026-05-01T09:25:37.123+0200", "2026-05-01T02:55:37.123-04:30", "1777620337123", "2026-05-01T07:25:37.123000Z",
	} {
		if got, err := parseStamp([]byte(text)); err != nil || got != want {
			t.Errorf("parseStamp(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	old := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	if got, err := parseStamp([]byte("0001-01-01T00:00:00.000Z")); err != nil || got != old {
		t.Errorf("year 1: %d, %v, want %d", got, err, old)
	}
	for _, text := range []string{
		"", "2026-05-01", "2026-05-01T07:25:37.123", "2026-05-01T07:25:37+", "2026-05-01T24:00:00Z",
		"2026-05-01T07:25Z", "2026-05-01T07:25:37.Z", "2026-05-01T07:25:37.1234567Z", "2026-05-01T07:25:60Z",
	} {
		if got, err := parseStamp([]byte(text)); !errors.Is(err, errValue) {
			t.Errorf("parseStamp(%q) = %d, %v, want a refusal", text, got, err)
		}
	}
}

func TestTimesOfDay(t *testing.T) {
	want := map[string]int64{
		"00:00:00.000Z": 0, "23:59:59.999Z": 86399999000, "12:00:30.000Z": 43230e6, "12:00:30": 43230e6,
	}
	for text, micros := range want {
		if got, err := parseTime([]byte(text)); err != nil || got != micros {
			t.Errorf("parseTime(%q) = %d, %v, want %d", text, got, err, micros)
		}
	}
	for _, text := range []string{"", "24:00:00", "12:00", "12:00:00+01:00", "12:60:00Z"} {
		if got, err := parseTime([]byte(text)); !errors.Is(err, errValue) {
			t.Errorf("parseTime(%q) = %d, %v, want a refusal", text, got, err)
		}
	}
}

func FuzzParsersNeverPanic(f *testing.F) {
	for _, s := range []string{"2026-05-01T07:25:37.123+0000", "-0001-02-03", "1.39E8", "23:59:59.999Z", "-", "99999-12-31T"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return // columns take an empty value for null before any parser
		}
		if v, err := parseStamp(b); err == nil && len(b) == 24 && b[23] == 'Z' && b[4] == '-' {
			if want, err := time.Parse("2006-01-02T15:04:05.000Z", string(b)); err == nil && want.UnixMicro() != v {
				t.Errorf("%q: %d, want %d", b, v, want.UnixMicro())
			}
		}
		parseBool(b)
		parseInt(b)
		parseFloat(b)
		parseDate(b)
		parseTime(b)
	})
}
