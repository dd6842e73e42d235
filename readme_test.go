package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/cli"
	"sluice/source"
	"sluice/uri"
)

// The README is what users go by: what it says about names, codes and messages
// has to be what the program has.

func TestReadmeHasTheFlagsOfIngest(t *testing.T) {
	flag := regexp.MustCompile(`(?m)^  (--[a-z-]+).* {2}`)
	help, _, _ := strings.Cut(helpOf(t, "ingest"), "ENVIRONMENT")
	var want []string
	for _, m := range flag.FindAllStringSubmatch(help, -1) {
		want = append(want, m[1])
	}
	got := firstCells(readme(t, "Command line"), "`--")
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("flags of the help (-) and of README (+):\n%s", diff)
	}
}

func TestReadmeHasTheExitCodes(t *testing.T) {
	_, status, _ := strings.Cut(helpOf(t, "ingest"), "EXIT STATUS\n")
	lines := strings.Split(strings.TrimSpace(status), "\n")
	section := readme(t, "Command line")
	for _, line := range lines {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
		if row := "| " + code + " | " + strings.TrimSpace(meaning) + " |"; !strings.Contains(section, row) {
			t.Errorf("README lacks the row %s", row)
		}
	}
	if len(lines) < 9 {
		t.Errorf("the help has %d exit codes", len(lines))
	}
}

func TestReadmeHasTheTables(t *testing.T) {
	catalog, err := source.ParseCatalog(tables)
	if err != nil {
		t.Fatal(err)
	}
	section := readme(t, "Tables")
	for _, k := range catalog.Tables() {
		row := regexp.MustCompile(`(?m)^\| ` + k.Strategy + `\b.*` + k.CursorKey + ".*`" + k.Name + "`")
		if !row.MatchString(section) {
			t.Errorf("README does not list %s as loaded by %s %s", k.Name, k.Strategy, k.CursorKey)
		}
	}
}

func TestReadmeHasAddressesThatWork(t *testing.T) {
	text := readme(t, "")
	address := regexp.MustCompile("(salesforce|duckdb)://[^`' \n]+")
	found := address.FindAllString(text, -1)
	for _, a := range found {
		var err error
		if strings.HasPrefix(a, "salesforce:") {
			_, err = uri.ParseSalesforce(a)
		} else {
			_, err = uri.ParseDuckDB(a)
		}
		if err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	if len(found) < 8 {
		t.Errorf("README has %d addresses", len(found))
	}
}

func TestReadmeExplainsMessagesThatExist(t *testing.T) {
	sources := sourceText(t)
	messages := firstCells(readme(t, "Troubleshooting"), "`")
	for _, m := range messages {
		if !strings.Contains(sources, m) {
			t.Errorf("nothing says %q", m)
		}
	}
	if len(messages) < 15 {
		t.Errorf("README explains %d messages", len(messages))
	}
}

// readme gives a section of README, or all of it.
func readme(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if heading == "" {
		return string(text)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// firstCells gives the code in the first column of the rows that begin with
// prefix.
func firstCells(section, prefix string) (cells []string) {
	for line := range strings.Lines(section) {
		if row, ok := strings.CutPrefix(line, "| "); ok && strings.HasPrefix(row, prefix) {
			cells = append(cells, strings.Split(row, "`")[1])
		}
	}
	return cells
}

func helpOf(t *testing.T, command string) string {
	t.Helper()
	var out bytes.Buffer
	code := cli.Run([]string{"sluice", command, "--help"}, cli.Env{
		Stdout: &out, Stderr: &out, Tables: tables, Version: "test", Getenv: func(string) string { return "" },
	})
	if code != 0 {
		t.Fatalf("sluice %s --help ended with %d: %s", command, code, out.String())
	}
	return out.String()
}

// sourceText is the whole program: messages are somewhere in it.
func sourceText(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if name := d.Name(); name != "Makefile" && (!strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go")) {
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
