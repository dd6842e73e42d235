package cli

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"sluice/source"
)

func programForTest(t *testing.T) *program {
	t.Helper()
	text, err := os.ReadFile("../tables.yaml")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := source.ParseCatalog(text)
	if err != nil {
		t.Fatal(err)
	}
	return &program{Env: Env{Version: "test", Getenv: func(string) string { return "" }}, catalog: catalog}
}

func TestTheFlagsForPeopleAreThoseOfTheProgram(t *testing.T) {
	const path = "../doc/flags.md"
	var want bytes.Buffer
	if err := programForTest(t).printReference(&want); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("doc/flags.md is not what the program has (-); `make golden` writes it:\n%s", diff)
	}
}

// A flag whose value is called CHOICE or KIND has its values where completion
// and the reference find them, and those are in the help.
func TestFlagsThatTakeOneOfAFewHaveTheirChoices(t *testing.T) {
	p := programForTest(t)
	found := 0
	for _, c := range leaves(p.app().Commands, "") {
		for _, f := range c.Flags {
			name := f.Names()[0]
			choices := p.choices(name)
			meaning, value := flagWords(f)
			if choices == nil && (value == "CHOICE" || value == "KIND") {
				t.Errorf("%s --%s takes a %s, and choices() has none", c.path, name, value)
			}
			if choices == nil || name == "source-table" {
				continue
			}
			found++
			for _, choice := range choices {
				if !strings.Contains(meaning, choice) {
					t.Errorf("%s --%s takes %s, and the help does not say so", c.path, name, choice)
				}
			}
		}
	}
	if found < 6 {
		t.Errorf("%d flags have choices", found)
	}
}

func TestEveryKindOfProgressIsKnown(t *testing.T) {
	p := programForTest(t)
	p.Stderr = &bytes.Buffer{}
	for _, kind := range progressKinds {
		if _, err := p.newDisplay(kind, false); err != nil && strings.Contains(err.Error(), "is unknown") {
			t.Errorf("completion offers %s: %v", kind, err)
		}
	}
}

func TestRemarksAreAboutFlags(t *testing.T) {
	var keys []string
	for _, c := range leaves(programForTest(t).app().Commands, "") {
		for _, f := range c.Flags {
			keys = append(keys, c.path+" "+f.Names()[0])
		}
	}
	for key, remark := range remarks {
		if !slices.Contains(keys, key) && !slices.Contains(keys, "ingest "+key) {
			t.Errorf("there is a remark about %q, which is no flag", key)
		}
		if !strings.HasSuffix(remark, ".") {
			t.Errorf("the remark about %q is no sentence", key)
		}
	}
}

// The meaning of a flag is a line of the help, in words that begin the sentence
// which the manual makes of it.
func TestEveryFlagHasAMeaning(t *testing.T) {
	for _, c := range leaves(programForTest(t).app().Commands, "") {
		for _, f := range c.Flags {
			meaning, value := flagWords(f)
			if meaning == "" || strings.HasSuffix(meaning, ".") {
				t.Errorf("%s --%s means %q", c.path, f.Names()[0], meaning)
			}
			if _, isSwitch := f.(*cli.BoolFlag); !isSwitch && value == "" {
				t.Errorf("%s --%s does not name its value", c.path, f.Names()[0])
			}
		}
	}
}

// Whoever reads the help of a command alone knows how each value is written, in
// which unit, and what holds without the flag.
func TestTheHelpOfAFlagHasItsUnitAndDefault(t *testing.T) {
	units := map[string]string{
		"TIME": `\b[0-9]+(s|m|h)\b|\b2026-`, "N": `rows|parts|accounts|port`, "SIZE": `MB`, "LIMIT": `%.*number`, "ADDRESS": `://|database|states`,
		"FILE": "", "NAME": "", "NAMES": "", "FIELD": "", "FIELDS": "", "SOQL": "", "GLOB": `\*`, "COLUMNS": `:`, "MASKS": `:`, "CHOICE": "", "KIND": "",
	}
	withDefault := []string{"N", "SIZE", "LIMIT", "CHOICE", "KIND"}
	seen := map[string]bool{}
	for _, c := range leaves(programForTest(t).app().Commands, "") {
		for _, f := range c.Flags {
			if s, ok := f.(*cli.BoolFlag); ok {
				if s.Value {
					t.Errorf("%s --%s is on by itself, which the help does not tell", c.path, f.Names()[0])
				}
				continue
			}
			_, value := flagWords(f)
			unit, known := units[value]
			if !known {
				t.Errorf("%s --%s: nobody knows how a %s is written", c.path, f.Names()[0], value)
			}
			seen[value] = true
			line := flagHelp(f)
			if !regexp.MustCompile(unit).MatchString(line) {
				t.Errorf("the help of %s does not tell the unit: %s", c.path, line)
			}
			_, isDuration := f.(*cli.DurationFlag)
			if (isDuration || slices.Contains(withDefault, value)) && !strings.Contains(line, "(default ") {
				t.Errorf("the help of %s does not tell what holds without it: %s", c.path, line)
			}
		}
	}
	for value := range units {
		if !seen[value] {
			t.Errorf("no flag takes a %s", value)
		}
	}
}
