package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

const tablesPath = "../tables.yaml"

// sluice runs the program with an environment and gives what it printed.
func sluice(t *testing.T, env map[string]string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	tables, err := os.ReadFile(tablesPath)
	if err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	code = Run(append([]string{"sluice"}, args...), Env{
		Stdout:  &out,
		Stderr:  &log,
		Getenv:  func(name string) string { return env[name] },
		Version: "v0.0.0-test",
		Tables:  tables,
	})
	return out.String(), log.String(), code
}

// secret stands for a value that must not be shown.
const secret = "s3cr3t"

func TestCommandLinesThatMakeNoSense(t *testing.T) {
	full := []string{
		"ingest", "--source-uri", "salesforce://?access_token=" + secret + "&domain=acme.my",
		"--source-table", "account", "--dest-uri", "duckdb:///crm.db",
	}
	for _, tt := range []struct {
		name        string
		args        []string
		error, hint string
	}{
		{"nothing", nil, "no command is given", "sluice ingest copies a table"},
		{"unknown command", []string{"ingset"}, `there is no command "ingset"`, "ingest, run"},
		{"an address for a command", []string{"salesforce://?password=" + secret}, "the first argument is no command", "ingest, run"},
		{"an address for a flag", []string{"ingest", "--" + secret}, "sluice ingest has no such flag", "sluice ingest --help"},
		{"an address for a number", []string{"ingest", "--extract-parallelism", secret}, "--extract-parallelism does not take that value", "--help"},
		{"an address for a time", []string{"ingest", "--lock-timeout", secret}, "--lock-timeout does not take that value", "--help"},
		{"an address for a yes", []string{"ingest", "--json=" + secret}, "--json does not take that value", "--help"},
		{"missing flags", []string{"ingest", "--source-table", "a"}, "--source-uri, --dest-uri are missing", "sluice ingest --source-uri '"},
		{"missing flag", full[:5], "--dest-uri is missing", "--dest-uri duckdb:///crm.db"},
		{"unknown flag", append(full[:7:7], "--source-tabel", "x"), "sluice ingest has no flag --source-tabel", "the nearest is --source-table"},
		{"flag of another command", []string{"tables", "--debug"}, "sluice tables has no flag --debug", "sluice tables --help"},
		{"flag without value", full[:6], "--dest-uri needs a value", "--help"},
		{"flag with an empty value", append(full[:7:7], "--dest-table="), "--dest-table is empty", "leave it out"},
		{"flag given twice", append(full[:7:7], "--source-table", "lead"), "--source-table is given twice", "once"},
		{"positional argument", append(full[:7:7], secret, "--json"), "something else stands after --dest-uri", "quote an address"},
		{"positional argument of tables", []string{"tables", secret}, "something else stands after sluice tables", ""},
		{"two dashes", append(full[:7:7], "--", "--json"), "something else stands after --dest-uri", ""},
		{"no number", append(full[:7:7], "--extract-parallelism", "many"), "--extract-parallelism", "--help"},
		{"number too small", append(full[:7:7], "--extract-parallelism", "0"), "--extract-parallelism 0 is out of range", "1 to 25"},
		{"no size", append(full[:7:7], "--memory", secret), "--memory is no size", "400MB or 1GB"},
		{"too little memory", append(full[:7:7], "--memory", "64MiB"), "--memory 64MiB is too little", "230MB or more"},
		{"time too small", append(full[:7:7], "--lock-timeout", "-1s"), "--lock-timeout -1s is out of range", "1s or more"},
		{"unknown strategy", append(full[:7:7], "--incremental-strategy", "upsert"), `"upsert" is unknown`, "replace, append, merge"},
		{"unknown progress", append(full[:7:7], "--progress", "loud"), `"loud" is unknown`, "auto, interactive, log or none"},
		{"live line without a terminal", append(full[:7:7], "--progress", "interactive"), "needs a terminal", "auto or log"},
		{"bad table name", append(full[:7:7], "--dest-table", "a.b.c"), "--dest-table: table name", "schema.table"},
		{"unknown source", append([]string{"ingest", "--source-uri", "oracle://?x=" + secret}, full[3:]...), "--source-uri: unknown scheme oracle://", "--source-uri takes salesforce://"},
		{"unknown destination", append(full[:6:6], "mysql://"+secret), "--dest-uri: unknown scheme mysql://", "takes discard://, duckdb://"},
		{"half an address", append([]string{"ingest", "--source-uri", "salesforce://?password=" + secret}, full[3:]...), "--source-uri: ", "salesforce://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := sluice(t, nil, tt.args...)
			if code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			first, rest, _ := strings.Cut(stderr, "\n")
			if !strings.HasPrefix(first, "sluice: error: ") || !strings.Contains(first, tt.error) {
				t.Errorf("error %q does not tell %q", first, tt.error)
			}
			if !strings.HasPrefix(rest, "sluice: hint: ") || !strings.Contains(rest, tt.hint) || strings.Count(rest, "\n") != 1 {
				t.Errorf("hint %q does not tell %q in one line", rest, tt.hint)
			}
			if strings.Contains(stdout+stderr, secret) {
				t.Errorf("a secret was printed:\n%s%s", stdout, stderr)
			}
			if len(tt.args) > 0 && tt.args[0] == "ingest" && stdout != "" && !strings.Contains(stdout, `"exit_code": 2`) {
				t.Errorf("stdout holds something that is no result:\n%s", stdout)
			}
		})
	}
}

func TestFlagsAreReadFromTheEnvironment(t *testing.T) {
	const good = "salesforce://?access_token=t&domain=acme.my"
	for _, tt := range []struct {
		name  string
		env   map[string]string
		args  []string
		error string
	}{
		{
			"the plain names",
			map[string]string{"SOURCE_URI": good, "SOURCE_TABLE": "account", "DEST_URI": "mysql://x"},
			nil,
			"--dest-uri: unknown scheme mysql://",
		},
		{
			"SLUICE_ wins",
			map[string]string{"SLUICE_DEST_URI": "mysql://x", "SOURCE_URI": good, "SOURCE_TABLE": "account", "DEST_URI": "duckdb:///x"},
			nil,
			"--dest-uri: unknown scheme mysql://",
		},
		{
			"a flag wins",
			map[string]string{"SLUICE_DEST_URI": "duckdb:///x", "SOURCE_URI": good, "SOURCE_TABLE": "account"},
			[]string{"--dest-uri", "mysql://x"},
			"--dest-uri: unknown scheme mysql://",
		},
		{
			"an empty one counts as none",
			map[string]string{"SLUICE_DEST_URI": "", "DEST_URI": "mysql://x", "SOURCE_URI": good, "SOURCE_TABLE": "account"},
			nil,
			"--dest-uri: unknown scheme mysql://",
		},
		{
			"a wrong one is refused and not shown",
			map[string]string{"SLUICE_EXTRACT_PARALLELISM": secret},
			nil,
			"the environment variable SLUICE_EXTRACT_PARALLELISM does not fit --extract-parallelism",
		},
		{
			"names of other programs are left alone",
			map[string]string{"DEBUG": "express:*", "JSON": "x", "YES": "x"},
			nil,
			"--source-uri, --source-table, --dest-uri are missing",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, stderr, code := sluice(t, tt.env, append([]string{"ingest"}, tt.args...)...)
			if code != 2 || !strings.HasPrefix(stderr, "sluice: error: "+tt.error+"\n") {
				t.Errorf("exit code %d, stderr %q; want 2, %q", code, stderr, tt.error)
			}
			if strings.Contains(stderr, secret) {
				t.Errorf("the value of a variable was printed: %q", stderr)
			}
		})
	}
}

func TestJSONIsPrintedAlsoWhenTheCommandLineIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
	}{
		{"flag before the mistake", nil, []string{"ingest", "--json", "--bogus"}},
		{"flag after the mistake", nil, []string{"ingest", "stray", "--json"}},
		{"environment", map[string]string{"SLUICE_JSON": "1"}, []string{"ingest"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, _ := sluice(t, tt.env, tt.args...)
			var got answer
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatalf("%v in %q", err, stdout)
			}
			if got.ExitCode != 2 || got.Error == nil || got.Error.Hint == "" || len(got.Tables) != 0 {
				t.Errorf("got %+v", got)
			}
			if !strings.Contains(stderr, "sluice: error: "+got.Error.Message) {
				t.Errorf("stderr %q does not tell the error", stderr)
			}
		})
	}
}

func TestHelpTellsEveryFlag(t *testing.T) {
	p := &program{Env: Env{Getenv: os.Getenv}}
	for _, command := range leaves(p.app().Commands, "") {
		stdout, stderr, code := sluice(t, nil, append(strings.Fields(command.path), "--help")...)
		if code != 0 || stderr != "" {
			t.Errorf("%s --help: exit code %d, stderr %q", command.path, code, stderr)
		}
		for _, f := range command.Flags {
			if f == cli.HelpFlag {
				continue
			}
			name := f.Names()[0]
			if !strings.Contains(stdout, "\n  --"+name+" ") {
				t.Errorf("%s --help does not tell --%s", command.Name, name)
			}
			for _, v := range variables(name) {
				if !strings.Contains(stdout, "$"+v) {
					t.Errorf("%s --help does not tell $%s", command.Name, v)
				}
			}
		}
		for line := range strings.Lines(stdout) {
			if len([]rune(line)) > 100 {
				t.Errorf("%s --help: line too long for a terminal: %q", command.Name, line)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	stdout, _, code := sluice(t, nil, "version")
	if code != 0 || !strings.HasPrefix(stdout, "sluice  v0.0.0-test\ncommit  ") {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
}

func FuzzArguments(f *testing.F) {
	f.Add("--source-uri\x00a\x00--json")
	f.Add("--json=\x00-\x00--\x00=\x00--=x")
	f.Fuzz(func(t *testing.T, line string) {
		p := &program{Env: Env{Getenv: os.Getenv}}
		_, err := checkArguments(p.ingestCommand(), strings.Split(line, "\x00"))
		if err != nil && exitCode(err) != exitUsage {
			t.Errorf("%q gives %v", line, err)
		}
	})
}
