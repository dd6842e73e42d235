package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func manual(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := programForTest(t).printManual(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheManualHasEveryCommandAndFlag(t *testing.T) {
	text := manual(t)
	for _, c := range leaves(programForTest(t).app().Commands, "") {
		_, section, found := strings.Cut(text, "\n.SH "+roff(strings.ToUpper("sluice "+c.path))+"\n")
		if !found {
			t.Errorf("the manual has no section of %s", c.path)
		}
		section, _, _ = strings.Cut(section, "\n.SH ")
		for _, f := range c.Flags {
			if !strings.Contains(section, "\n\\fB"+roff(spelled(f))+"\\fR") {
				t.Errorf("the manual of %s has no --%s", c.path, f.Names()[0])
			}
		}
	}
}

// A line of text that begins with a dot or an apostrophe would be taken for a
// request of roff, and lost.
func TestTheManualLosesNoLine(t *testing.T) {
	for _, text := range []string{".sluice", "'quoted'", `back\slash`, "--flag"} {
		if got := roff(text); strings.HasPrefix(got, ".") || strings.HasPrefix(got, "'") || strings.HasPrefix(got, "-") {
			t.Errorf("%q is written as %q", text, got)
		}
	}
	macros := map[string]bool{"TH": true, "SH": true, "SS": true, "TP": true, "PP": true, "B": true, "I": true, "br": true, "sp": true, "nf": true, "fi": true}
	for line := range strings.Lines(manual(t)) {
		if name, ok := strings.CutPrefix(line, "."); ok && !macros[strings.Fields(name)[0]] {
			t.Errorf("roff would take this line for a request: %q", line)
		}
	}
}

func TestMandocReadsTheManual(t *testing.T) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is not installed")
	}
	path := filepath.Join(t.TempDir(), "sluice.1")
	if err := os.WriteFile(path, []byte(manual(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "mandoc", "-Tlint", "-Wwarning", path).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") { // the version is what counts
			t.Error(strings.TrimSpace(line))
		}
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
}
