package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/pipeline"
)

// printSummary tells a person what a load did:
//
//	Account -> public.account: 20,000 rows in 2.3 s
//	  read by   Bulk (20,000 rows)
//	  …
func printSummary(w io.Writer, r pipeline.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s: %s in %s\n", r.SourceTable, r.DestTable, plural(r.RowsWritten, "row"), duration(r.Total()))
	for _, line := range summaryLines(r) {
		fmt.Fprintf(&b, "  %-9s %s\n", line[0], line[1])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func summaryLines(r pipeline.Report) [][2]string {
	table := "replaced"
	switch {
	case r.Created:
		table = "created"
	case r.Strategy == "append":
		table = "appended to"
	case r.Strategy == "merge":
		table = "merged into"
	case r.Strategy == "delete+insert":
		table = "a window of it replaced"
	}
	if r.RowsDeleted > 0 {
		table += ", " + plural(r.RowsDeleted, "row") + " deleted"
	}
	lines := [][2]string{
		{"table", table},
		{"read by", withReason(apiName(r.API), r.Reason)},
		{"received", fmt.Sprintf("%s in %s%s", size(r.Bytes), plural(r.Calls, "API call"), limit(r))},
		{"time", phaseTimes(r)},
	}
	if r.CursorBefore != "" || r.CursorAfter != "" {
		lines = append(lines, [2]string{"cursor", orNone(r.CursorBefore) + " -> " + orNone(r.CursorAfter)})
	}
	if r.PartsReused > 0 {
		lines = append(lines, [2]string{"resumed", fmt.Sprintf("%s with %s were there from an earlier run", plural(int64(r.PartsReused), "page"), plural(r.RowsReused, "row"))})
	}
	if len(r.Refreshed) > 0 {
		lines = append(lines, [2]string{"refreshed", fmt.Sprintf("%s differed in %s", plural(r.RowsRefreshed, "row"), strings.Join(r.Refreshed, ", "))})
	}
	if r.Retries > 0 {
		lines = append(lines, [2]string{"retries", plural(r.Retries, "part") + " broke off and came whole when read again"})
	}
	for _, c := range r.SchemaChanges {
		lines = append(lines, [2]string{"schema", c})
	}
	for _, warning := range r.Warnings {
		lines = append(lines, [2]string{"warning", warning})
	}
	return lines
}

func orNone(cursor string) string {
	if cursor == "" {
		return "none"
	}
	return cursor
}

func apiName(api string) string {
	switch api {
	case "bulk":
		return "Bulk API 2.0"
	case "rest":
		return "REST API"
	default:
		return api
	}
}

func withReason(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + " (" + reason + ")"
}

func limit(r pipeline.Report) string {
	if r.LimitMax == 0 {
		return ""
	}
	return fmt.Sprintf("; %s of %s left in the org today", count(r.LimitMax-r.LimitUsed), count(r.LimitMax))
}

func phaseTimes(r pipeline.Report) string {
	var parts []string
	for _, phase := range pipeline.Phases {
		parts = append(parts, fmt.Sprintf("%s %s", phase, duration(r.Took[phase])))
	}
	return strings.Join(parts, ", ")
}

// count writes n with thousands separated: 1,234,567.
func count(n int64) string {
	if n < 0 {
		return "-" + count(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", count(n/1000), n%1000)
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// size writes a number of bytes with two or three digits that matter.
func size(n int64) string {
	switch f := float64(n); {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", f/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", f/1e6)
	default:
		return fmt.Sprintf("%.2f GB", f/1e9)
	}
}

// duration writes d as a person would say it: 80 ms, 2.3 s, 4 min 5 s.
func duration(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}
