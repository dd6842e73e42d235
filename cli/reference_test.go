package cli

import (
	"bytes"
	"os"
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
