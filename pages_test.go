package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/cli"
	"sluice/source"
	"sluice/uri"
)

// The pages are what users go by: what they say about names, codes and messages
// has to be what the program has. doc/flags.md is held to it by package cli.

func TestReadmeHasTheExitCodes(t *testing.T) {
	_, status, _ := strings.Cut(helpOf(t, "ingest"), "EXIT STATUS\n")
	lines := strings.Split(strings.TrimSpace(status), "\n")
	section := section(t, "README.md", "Commands")
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
	section := section(t, "doc/tables.md", "Tables by name")
	for _, k := range catalog.Tables() {
		row := regexp.MustCompile(`(?m)^\| ` + k.Strategy + `\b.*` + k.CursorKey + ".*`" + k.Name + "`")
		if !row.MatchString(section) {
			t.Errorf("doc/tables.md does not list %s as loaded by %s %s", k.Name, k.Strategy, k.CursorKey)
		}
	}
}

func TestPagesHaveAddressesThatWork(t *testing.T) {
	address := regexp.MustCompile("(salesforce|duckdb|postgresql|heroku|file)://[^`' \n\"]*[^`' \n\".,;]")
	parse := map[string]func(string) error{
		"salesforce": func(s string) error { _, err := uri.ParseSalesforce(s); return err },
		"duckdb":     func(s string) error { _, err := uri.ParseDuckDB(s); return err },
		"postgresql": func(s string) error { _, err := uri.ParsePostgres(s); return err },
		"heroku":     func(s string) error { _, err := uri.ParseHeroku(s); return err },
		"file":       func(s string) error { _, err := uri.ParseFile(s); return err },
	}
	// These parameters name a file or a variable of the reader's.
	named := regexp.MustCompile(`=(@[^&]*|env:[A-Z_]+)`)
	found := 0
	for _, name := range pages(t) {
		if name == "doc/flags.md" || name == "doc/design.md" { // of which the first has them in short
			continue
		}
		text := section(t, name, "")
		for _, a := range address.FindAllString(text, -1) {
			if refused[a] {
				continue
			}
			found++
			scheme, _, _ := strings.Cut(a, ":")
			if err := parse[scheme](named.ReplaceAllString(a, "=x")); err != nil {
				t.Errorf("%s: %s: %v", name, a, err)
			}
		}
	}
	if found < 30 {
		t.Errorf("the pages have %d addresses", found)
	}
}

// refused are addresses that a page names because they do not work.
var refused = map[string]bool{"duckdb://file": true}

func TestErrorsAreThoseOfTheProgram(t *testing.T) {
	sources := sourceText(t)
	messages := firstCells(section(t, "doc/errors.md", ""), "`")
	for _, m := range messages {
		if !strings.Contains(sources, m) {
			t.Errorf("nothing says %q", m)
		}
	}
	if len(messages) < 25 {
		t.Errorf("doc/errors.md explains %d messages", len(messages))
	}
}

// What doc/from-ingestr.md says about a flag is what the program does with it.
func TestFlagsOfIngestrAreAcceptedOrRefused(t *testing.T) {
	text := section(t, "doc/from-ingestr.md", "Flags")
	accepted, refused, ok := strings.Cut(text, "\nRefused with the reason")
	if !ok {
		t.Fatal("doc/from-ingestr.md has no list of refused flags")
	}
	help := helpOf(t, "ingest")
	names := regexp.MustCompile("`(--[a-z-]+)`")
	known := 0
	for row := range strings.Lines(accepted) {
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "| "), " | ")
		for _, m := range names.FindAllStringSubmatch(first, -1) {
			known++
			if !strings.Contains(help, "\n  "+m[1]+" ") {
				t.Errorf("sluice ingest has no %s", m[1])
			}
		}
	}
	for row := range strings.Lines(refused) {
		cells := strings.Split(strings.Trim(row, "|\n "), " | ")
		for _, m := range names.FindAllStringSubmatch(cells[0], -1) {
			known++
			var out bytes.Buffer
			code := cli.Run([]string{"sluice", "ingest", m[1], "x"}, cli.Env{Stdout: &out, Stderr: &out, Tables: tables, Version: "test", Getenv: func(string) string { return "" }})
			if want := "sluice: error: sluice has no flag " + m[1] + ": " + cells[1]; code != 2 || !strings.Contains(out.String(), want) {
				t.Errorf("%s: exit code %d, and it says\n%s\nnot %q", m[1], code, out.String(), want)
			}
		}
	}
	if known < 35 {
		t.Errorf("doc/from-ingestr.md has %d flags", known)
	}
}

// section gives a section of a page, or all of it.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if heading == "" {
		return string(text)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", page, heading)
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
