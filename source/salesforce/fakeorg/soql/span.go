package soql

import (
	"strings"
	"time"
)

// spans are the named spans of time: those with an N take a number.
var spans = func() map[string]bool {
	set := map[string]bool{"YESTERDAY": true, "TODAY": true, "TOMORROW": true, "LAST_90_DAYS": true, "NEXT_90_DAYS": true, "N_DAYS_AGO": true}
	for _, unit := range []string{"WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"} {
		for _, which := range []string{"LAST_", "THIS_", "NEXT_"} {
			set[which+unit] = true
		}
		set["LAST_N_"+unit+"S"], set["NEXT_N_"+unit+"S"], set["N_"+unit+"S_AGO"] = true, true, true
	}
	set["LAST_N_DAYS"], set["NEXT_N_DAYS"] = true, true
	return set
}()

// Bounds are the first and one past the last moment of a Span, in UTC, at a
// given time. A week begins on Sunday, a fiscal year is a calendar year.
func (l Literal) Bounds(now time.Time) (from, to time.Time) {
	now = now.UTC()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	name := strings.Replace(l.Name, "FISCAL_", "", 1)
	switch name {
	case "YESTERDAY":
		return today.AddDate(0, 0, -1), today
	case "TODAY":
		return today, today.AddDate(0, 0, 1)
	case "TOMORROW":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 2)
	case "LAST_90_DAYS":
		return today.AddDate(0, 0, -90), today.AddDate(0, 0, 1)
	case "NEXT_90_DAYS":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 91)
	case "LAST_N_DAYS": // includes today
		return today.AddDate(0, 0, -l.N), today.AddDate(0, 0, 1)
	case "NEXT_N_DAYS":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 1+l.N)
	case "N_DAYS_AGO":
		return today.AddDate(0, 0, -l.N), today.AddDate(0, 0, 1-l.N)
	}
	unit := func(n int) time.Time { return unitStart(name, today, n) }
	switch {
	case strings.HasPrefix(name, "LAST_N_"):
		return unit(-l.N), unit(0)
	case strings.HasPrefix(name, "NEXT_N_"):
		return unit(1), unit(1 + l.N)
	case strings.HasSuffix(name, "_AGO"):
		return unit(-l.N), unit(1 - l.N)
	case strings.HasPrefix(name, "LAST_"):
		return unit(-1), unit(0)
	case strings.HasPrefix(name, "NEXT_"):
		return unit(1), unit(2)
	default:
		return unit(0), unit(1)
	}
}

// unitStart is the start of the week, month, quarter or year n units from the
// one that a day is in.
func unitStart(name string, day time.Time, n int) time.Time {
	year, month := day.Year(), day.Month()
	switch {
	case strings.Contains(name, "WEEK"):
		return day.AddDate(0, 0, 7*n-int(day.Weekday()))
	case strings.Contains(name, "MONTH"):
		return time.Date(year, month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	case strings.Contains(name, "QUARTER"):
		return time.Date(year, (month-1)/3*3+1+time.Month(3*n), 1, 0, 0, 0, 0, time.UTC)
	default:
		return time.Date(year+n, 1, 1, 0, 0, 0, 0, time.UTC)
	}
}
