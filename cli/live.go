package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// liveBlock is the last lines of a terminal, written over and over. Log lines
// written to it scroll above.
type liveBlock struct {
	out   io.Writer
	size  func() (width, height int) // of the terminal; 0 when unknown
	style style

	mu    sync.Mutex
	looks []look
	drawn []string // what is on the screen
}

const (
	clearRight = "\x1b[K"
	clearBelow = "\x1b[J"
)

// set shows looks in the place of what was shown; nil clears.
func (b *liveBlock) set(looks []look) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks = looks
	width, height := b.size()
	// A terminal that cannot be drawn to stops no run.
	_, _ = io.WriteString(b.out, b.home(width)+b.draw(width, height))
}

// Write prints whole log lines above the block.
func (b *liveBlock) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	width, height := b.size()
	if _, err := fmt.Fprintf(b.out, "%s%s%s", b.home(width), clearBelow, text); err != nil {
		return 0, err
	}
	_, err := io.WriteString(b.out, b.draw(width, height))
	return len(text), err
}

// home moves the cursor to the first column of the block's first line. A
// terminal that has become narrower has wrapped lines.
func (b *liveBlock) home(width int) string {
	rows := 0
	for _, line := range b.drawn {
		rows++
		if n := utf8.RuneCountInString(line); width > 0 && n > width {
			rows += (n - 1) / width
		}
	}
	if rows < 2 {
		return "\r"
	}
	return fmt.Sprintf("\r\x1b[%dA", rows-1)
}

// draw gives the lines, each clearing what it leaves of the one before it, so
// that nothing flickers.
func (b *liveBlock) draw(width, height int) string {
	b.drawn = b.style.lines(b.looks, width-1, height-1)
	return strings.Join(b.drawn, clearRight+"\n") + clearBelow
}

// cut keeps a line from wrapping. A width of less than 1 is unknown.
func cut(s string, width int) string {
	runes := []rune(strings.ReplaceAll(s, "\n", " "))
	if width < 1 || len(runes) <= width {
		return string(runes)
	}
	return string(runes[:width-1]) + "…"
}
