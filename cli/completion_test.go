package cli

import (
	"bytes"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/complete.zsh
var completeZsh string

// completions are command lines before Tab, and all that may follow (in bash
// and fish) or what zsh makes of the line.
var completions = []struct{ line, offers, zsh string }{
	{"sluice ing", "ingest", "sluice ingest "},
	{"sluice state s", "show set", ""},
	{"sluice state li", "list", "sluice state list "},
	{"sluice completion ", "bash zsh fish", ""},
	{"sluice ingest --dele", "--deleted", "sluice ingest --deleted="},
	{"sluice ingest --debug --reco", "--reconcile", "sluice ingest --debug --reconcile "},
	{"sluice ingest --deleted ", "remove keep ignore", ""},
	{"sluice ingest --deleted k", "keep", "sluice ingest --deleted keep "},
	{"sluice ingest --nul s", "strip", "sluice ingest --nul strip "},
	{"sluice ingest --incremental-strategy d", "delete+insert", "sluice ingest --incremental-strategy delete+insert "},
	{"sluice ingest --source-table account,contact_h", "account,contact_history", "sluice ingest --source-table account,contact_history,"},
	{"sluice ingest --dest-uri ", "", ""},
	{"sluice run crm", "crm.yaml", "sluice run crm.yaml "},
	{"sluice run --file crm", "crm.yaml", "sluice run --file crm.yaml "},
	{"sluice run --js", "--json-schema --json", ""},
	{"sluice describe account_h", "account_history", "sluice describe account_history "},
	{"sluice describe account --js", "--json", "sluice describe account --json "},
	{"sluice state list --dest-u", "--dest-uri", "sluice state list --dest-uri="},
}

func TestBashCompletes(t *testing.T) {
	script := completionScript(t, "bash", bashScript)
	var asked strings.Builder
	for _, c := range completions {
		words := strings.Split(c.line, " ")
		asked.WriteString("COMP_WORDS=('" + strings.Join(words, "' '") + "'); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _sluice; echo \"${COMPREPLY[*]}\"\n")
	}
	// bash itself parts a word at "=".
	asked.WriteString("COMP_WORDS=(sluice ingest --deleted = r); COMP_CWORD=4; _sluice; echo \"${COMPREPLY[*]}\"\n")
	got := shellLines(t, "bash", "--norc", "-c", "source "+script+"\n"+asked.String())
	want := append(offers(), "remove")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bash offers (+), wanted (-):\n%s", diff)
	}
}

func TestFishCompletes(t *testing.T) {
	script := completionScript(t, "fish", fishScript)
	var asked strings.Builder
	for _, c := range completions {
		asked.WriteString("echo (complete -C '" + c.line + "' | string split -f1 \\t | sort)\n")
	}
	got := shellLines(t, "fish", "--no-config", "-c", "source "+script+"\n"+asked.String())
	want := offers()
	for i, line := range want {
		words := strings.Fields(line)
		slices.Sort(words)
		want[i] = strings.Join(words, " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fish offers (+), wanted (-):\n%s", diff)
	}
}

func TestZshCompletes(t *testing.T) {
	script := completionScript(t, "zsh", zshScript)
	driver := filepath.Join(t.TempDir(), "complete.zsh")
	if err := os.WriteFile(driver, []byte(completeZsh), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-f", driver, script}
	var want []string
	for _, c := range completions {
		if c.zsh != "" {
			args, want = append(args, c.line), append(want, c.zsh)
		}
	}
	if diff := cmp.Diff(want, shellLines(t, "zsh", args...)); diff != "" {
		t.Errorf("zsh makes of the lines (+), wanted (-):\n%s", diff)
	}
}

func offers() (lines []string) {
	for _, c := range completions {
		lines = append(lines, c.offers)
	}
	return lines
}

func completionScript(t *testing.T, shell, script string) string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skip(shell + " is not installed")
	}
	var text bytes.Buffer
	if err := programForTest(t).printCompletion(&text, shell, script); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sluice."+shell)
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func shellLines(t *testing.T, shell string, args ...string) []string {
	t.Helper()
	c := exec.CommandContext(t.Context(), shell, args...)
	c.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Dir, "crm.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=dumb")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v\n%s", shell, err, stderr.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}
