package cli

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/pipeline"
)

// style is what bars are made of.
type style struct{ full, empty string }

// barStyle keeps to ASCII where the locale does not say UTF-8.
func barStyle(getenv func(string) string) style {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToUpper(getenv(name)); locale != "" {
			if strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8") {
				return style{"█", "░"}
			}
			break
		}
	}
	return style{"#", "."}
}

const (
	barWidth  = 16 // of a wide terminal; 10 on others
	maxName   = 28 // of a table; longer ones are cut
	minDoing  = 20 // of what goes on before rows come, where it is cut to keep the time in sight
	linesKept = 4  // of the screen, for what is above
)

// lines draws a line for each table that runs, and one for all of them. Where
// the screen is too low, tables that copy go first. Unknown sizes are below 1.
func (s style) lines(looks []look, width, height int) []string {
	if len(looks) == 0 {
		return nil
	}
	name := 0
	var copying, others []look
	for _, l := range looks {
		if l.ended || l.Phase == "" {
			continue
		}
		name = max(name, min(utf8.RuneCountInString(l.name), maxName))
		if l.Phase == pipeline.Copy || l.Phase == pipeline.Commit {
			copying = append(copying, l)
		} else {
			others = append(others, l)
		}
	}
	busy := append(copying, others...)
	if room := height - linesKept; height > 0 && len(busy) > max(room, 1) {
		busy = busy[:max(room, 1)]
	}
	var lines []string
	for _, l := range busy {
		lines = append(lines, s.row(l, name, width))
	}
	if len(looks) > 1 {
		lines = append(lines, cut(manyLine(looks), width))
	}
	return lines
}

// row is one table: its name and phase, then as much as fits, the most
// important first.
func (s style) row(l look, name, width int) string {
	text := fmt.Sprintf("%-*s  ", name, cut(l.name, name))
	var more []string
	switch l.Phase {
	case pipeline.Copy:
		text += fmt.Sprintf("%-6s", "copy")
		known := l.Expected > 0 && l.Rows <= l.Expected
		if known {
			text += fmt.Sprintf("  %s %3d%%", s.bar(float64(l.Rows)/float64(l.Expected), width), 100*l.Rows/l.Expected)
			more = append(more, count(l.Rows)+" of "+count(l.Expected))
		} else {
			more = append(more, plural(l.Rows, "row"))
		}
		if l.rows > 0 {
			if known {
				more = append(more, "ETA "+eta(float64(l.Expected-l.Rows)/l.rows))
			}
			more = append(more, count(int64(l.rows))+" rows/s", size(int64(l.bytes))+"/s")
		}
		more = append(more, plural(l.Usage.Calls, "call"))
	case pipeline.Commit:
		text += fmt.Sprintf("%-6s", "commit")
		more = []string{plural(l.Rows, "row"), duration(l.in), plural(l.Usage.Calls, "call")}
	default:
		more = []string{duration(l.in), plural(l.Usage.Calls, "call")}
		room := width - utf8.RuneCountInString(text)
		for _, m := range more {
			room -= 2 + utf8.RuneCountInString(m)
		}
		if width < 1 || room < minDoing {
			room = 0 // no bound: the line is cut as a whole
		}
		text += cut(l.doing(), room)
	}
	for _, m := range more {
		if width > 0 && utf8.RuneCountInString(text)+2+utf8.RuneCountInString(m) > width {
			continue
		}
		text += "  " + m
	}
	return cut(text, width)
}

func (s style) bar(share float64, width int) string {
	cells := barWidth
	if width < 100 {
		cells = 10
	}
	full := min(int(share*float64(cells)), cells)
	return strings.Repeat(s.full, full) + strings.Repeat(s.empty, cells-full)
}

// eta is a time in whole seconds, as nobody knows it better, and not less than
// it takes: 0 s is for what is done.
func eta(seconds float64) string {
	d := time.Duration(math.Ceil(seconds)) * time.Second
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return duration(d)
}
