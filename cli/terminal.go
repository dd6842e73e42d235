package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// terminal gives the file of a stream that a person looks at; nil for others.
func (p *program) terminal(stream io.Writer) *os.File {
	file, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || p.Getenv("TERM") == "dumb" {
		return nil
	}
	return file
}

// defaultWidth is that of a terminal which does not tell.
const defaultWidth = 80

func widthOf(terminal *os.File) int {
	if width, _, err := term.GetSize(int(terminal.Fd())); err == nil && width > 0 {
		return width
	}
	return defaultWidth
}

// paint is how words are coloured; the zero paint leaves them as they are.
type paint struct{ on bool }

// paint colours what goes to a terminal, unless the user does not want it
// (https://no-color.org).
func (p *program) paint() paint { return paint{p.Getenv("NO_COLOR") == ""} }

func (c paint) as(code, text string) string {
	if !c.on || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// The colours, of the 8 that every terminal has, as its user has chosen them.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)
