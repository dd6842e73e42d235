package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDefaultsOfAFileGiveWayToTheTable(t *testing.T) {
	shared, table := fileFlags()
	file, err := parseConfig("crm.yaml", []byte(`
defaults: {dest-schema: crm, where: "Name != null", lookback: 5m}
tables:
  - account
  - {source-table: contact, where: "LastName != null", dest-table: people}
  - {source-table: lead, dest-table: sales.lead}
`), shared, table, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{"source-table": "account", "dest-schema": "crm", "where": "Name != null", "lookback": "5m"},
		{"source-table": "contact", "dest-schema": "crm", "dest-table": "people", "where": "LastName != null", "lookback": "5m"},
		{"source-table": "lead", "dest-schema": "", "dest-table": "sales.lead", "where": "Name != null", "lookback": "5m"},
	} {
		for key, value := range want {
			if got := file.tables[i].values[key].value; got != value {
				t.Errorf("table %d: %s is %q, want %q", i, key, got, value)
			}
		}
	}
}

// A list where one value is wanted would reach the flag as something that
// nobody wrote.
func TestOnlyKeysOfSeveralValuesTakeLists(t *testing.T) {
	shared, table := fileFlags()
	for text, want := range map[string]string{
		"tables: [{source-table: a, where: [b, c]}]":           "crm.yaml:1: where takes one value",
		"tables: [{source-table: a, dest-table: {b: c}}]":      "crm.yaml:1: dest-table takes one value",
		"dest-uri: &x [b]\ntables: [{source-table: a}]":        "crm.yaml:1: dest-uri takes one value",
		"tables: [{source-table: a, fields: [B, C]}]":          "",
		"tables: [{source-table: a, primary-key: [B, C]}]":     "",
		"tables: [{source-table: a, columns: {B: text}}]":      "",
		"source-uri: ${X\ntables: [a]":                         "crm.yaml:1: ${ is not closed by }",
		"tables:\n\t- a":                                       "crm.yaml:2: found character that cannot start any token",
		"tables: [{source-table: a, incremental-strategi: b}]": "crm.yaml:1: \"incremental-strategi\" is no key that can stand here",
	} {
		_, err := parseConfig("crm.yaml", []byte(text), shared, table, func(string) string { return "" })
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// A file may hold an address with a secret, and a key may be a piece of one.
func TestErrorsOfAFileShowNoValues(t *testing.T) {
	const secret = "hunter2&pw=S3cret"
	shared, table := fileFlags()
	for _, text := range []string{
		"source-uri: [" + secret + ", {a: b}]\ntables: [account]",
		secret + ": x\ntables: [account]",
		"source-uri: ${NOT_THERE}" + secret + "\ntables: [account]",
		"tables: " + secret,
		"tables:\n  - source-uri: " + secret,
		"source-uri: a" + secret + "\nsource-uri: b" + secret + "\ntables: [account]",
	} {
		_, err := parseConfig("crm.yaml", []byte(text), shared, table, func(string) string { return "" })
		if err == nil {
			t.Errorf("%q is taken", text)
		} else if told := err.Error() + hint(err); strings.Contains(told, "hunter2") || strings.Contains(told, "S3cret") {
			t.Errorf("%q: the error shows a value: %s", text, told)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{
		"tables: [account]", "source-uri: ${A}\ntables:\n  - {source-table: x, mask: {a: hash}, fields: [A, B]}\n", "a: &a [*a]", "defaults: 1\ntables: {}", "? [a]\n: b", "--- a\n--- b", "tables: [[], {}]",
	} {
		f.Add(seed)
	}
	shared, table := fileFlags()
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parseConfig("f.yaml", []byte(text), shared, table, func(string) string { return "v" })
		var usage *usageError
		var wrong *configError
		switch {
		case err == nil && len(file.tables) == 0:
			t.Error("a file without tables is taken")
		case err != nil && !errors.As(err, &usage) && !errors.As(err, &wrong):
			t.Errorf("%T: %v", err, err)
		}
		for _, table := range file.tables {
			if err == nil && table.values["source-table"].value == "" {
				t.Error("a table without a name is taken")
			}
		}
	})
}
