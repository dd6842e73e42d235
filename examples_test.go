package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// The examples are run as far as a test can: their commands, with the program
// of this test and paths below a folder of its own.

// example is a folder in which examples run, and the environment they get.
type example struct {
	folder string
	env    []string
}

func newExample(t *testing.T, org string) example {
	t.Helper()
	e := example{folder: t.TempDir()}
	e.env = append(os.Environ(), "HOME="+e.folder, "SLUICE_PROGRESS=none",
		"SLUICE_SOURCE_URI="+demoCredentials+org, "SLUICE_DEST_URI=duckdb:///"+filepath.Join(e.folder, "crm.db"))
	return e
}

// run ends the test unless the command succeeds and prints want.
func (e example) run(t *testing.T, want, name string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir, c.Env = e.folder, e.env
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), want) {
		t.Fatalf("%s %q: %v\n%s\nwithout %q", name, args, err, out, want)
	}
}

// file reads an example, with some words put in place of others.
func file(t *testing.T, name string, oldnew ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("examples", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(string(text), oldnew[i]) {
			t.Fatalf("examples/%s does not hold %q", name, oldnew[i])
		}
	}
	return strings.NewReplacer(oldnew...).Replace(string(text))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// parse ends the test unless text is YAML of the shape of into.
func parse(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

func TestExamples(t *testing.T) {
	org := serveDemo(t)
	sluice, err := exec.LookPath("sluice")
	if err != nil {
		t.Fatal(err)
	}
	const loaded = "Opportunity -> "

	t.Run("cron", func(t *testing.T) {
		e := newExample(t, org)
		write(t, filepath.Join(e.folder, "env"), file(t, "env",
			"salesforce://?client_id=KEY&client_secret=@/etc/sluice/client_secret&domain=your-domain.my", demoCredentials+org,
			"/var/lib/sluice", e.folder))
		line := regexp.MustCompile(`(?m)^15 2 \* \* \*  sluice  (.*)$`).FindStringSubmatch(file(t, "cron/sluice", "/etc/sluice", e.folder, "/var/lib/sluice", e.folder))
		if line == nil {
			t.Fatal("the crontab has no line")
		}
		readme, err := os.ReadFile("README.md")
		if err != nil {
			t.Fatal(err)
		}
		short := regexp.MustCompile(`(?m)^15 2 \* \* \*  (.*)$`).FindSubmatch(readme)
		if short == nil {
			t.Fatal("README.md has no line of a crontab")
		}
		own := strings.NewReplacer("/etc/sluice", e.folder, "/var/lib/sluice", e.folder, "/usr/local/bin/sluice", sluice).Replace(string(short[1]))
		e.env = []string{"PATH=" + os.Getenv("PATH")} // cron gives no more
		for _, line := range []string{line[1], own} {
			e.run(t, "", "/bin/sh", "-c", strings.ReplaceAll(line, `\%`, "%"))
			for name, want := range map[string]string{"last.json": `"exit_code": 0`, "last.html": "2 tables, all loaded"} {
				path := filepath.Join(e.folder, name)
				result, err := os.ReadFile(path)
				if want = strings.Replace(want, "2 tables", fmt.Sprintf("%d tables", strings.Count(line, ",")+1), 1); err != nil || !bytes.Contains(result, []byte(want)) {
					t.Errorf("%s: %v: %s is\n%s", line, err, name, result)
				}
				if err := os.Remove(path); err != nil {
					t.Error(err)
				}
			}
		}
	})

	t.Run("systemd", func(t *testing.T) {
		e := newExample(t, org)
		service := file(t, "systemd/sluice.service", "/usr/local/bin/sluice", sluice)
		write(t, filepath.Join(e.folder, "sluice.service"), service)
		write(t, filepath.Join(e.folder, "sluice.timer"), file(t, "systemd/sluice.timer"))
		command := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(service)
		if command == nil {
			t.Fatal("the unit runs nothing")
		}
		args := strings.Fields(strings.ReplaceAll(command[1], "%%", "%"))
		e.run(t, loaded, args[0], args[1:]...)
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			t.Skip("systemd-analyze is not installed")
		}
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", filepath.Join(e.folder, "sluice.service"), filepath.Join(e.folder, "sluice.timer")).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "sluice") { // others are about units of this machine
				t.Error(strings.TrimSpace(line))
			}
		}
		if err != nil && !t.Failed() {
			t.Logf("systemd-analyze: %v\n%s", err, out)
		}
	})

	t.Run("airflow", func(t *testing.T) {
		e := python(t, org)
		write(t, filepath.Join(e.folder, "dag.py"), file(t, "airflow/salesforce.py"))
		write(t, filepath.Join(e.folder, "standin.py"), airflowStandIn)
		e.run(t, loaded, "python3", "standin.py")
	})

	t.Run("bruin", func(t *testing.T) {
		e := python(t, org)
		write(t, filepath.Join(e.folder, "asset.py"), file(t, "bruin/assets/salesforce.py"))
		e.env = append(e.env, "BRUIN_FULL_REFRESH=1")
		e.run(t, "Opportunity -> raw.opportunity", "python3", "asset.py")

		header, _, closed := strings.Cut(strings.TrimPrefix(file(t, "bruin/assets/salesforce.py"), "\"\"\"@bruin\n"), "\n@bruin\"\"\"")
		if !closed {
			t.Fatal("the asset has no header")
		}
		var asset struct {
			Secrets []struct{ Key string }
		}
		parse(t, header, &asset)
		var pipeline struct{ Name, Schedule string }
		parse(t, file(t, "bruin/pipeline.yml"), &pipeline)
		if pipeline.Name == "" || pipeline.Schedule == "" {
			t.Errorf("the pipeline has no name or no schedule: %+v", pipeline)
		}
		var connections struct {
			Environments map[string]struct {
				Connections struct {
					Generic []struct{ Name, Value string }
				}
			}
		}
		parse(t, file(t, "bruin/bruin.example.yml"), &connections)
		known := map[string]bool{}
		for _, environment := range connections.Environments {
			for _, c := range environment.Connections.Generic {
				known[c.Name] = c.Value != ""
			}
		}
		for _, s := range asset.Secrets {
			if !known[s.Key] {
				t.Errorf("the asset reads the secret %s, which bruin.example.yml lacks", s.Key)
			}
		}
		if len(asset.Secrets) == 0 {
			t.Error("the asset reads no secrets")
		}
	})

	t.Run("docker", func(t *testing.T) {
		text := file(t, "Dockerfile")
		for _, m := range regexp.MustCompile(`(?m)^COPY ([^-].*) \S+$`).FindAllStringSubmatch(text, -1) {
			for name := range strings.FieldsSeq(m[1]) {
				if _, err := os.Stat(name); err != nil {
					t.Errorf("the Dockerfile copies %s: %v", name, err)
				}
			}
		}
		makefile, err := os.ReadFile("Makefile")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "RUN make build ") || !strings.Contains(string(makefile), "-o bin/sluice .") || !strings.Contains(text, "/src/bin/sluice ") {
			t.Error("the Dockerfile does not take bin/sluice from make build")
		}
		module, err := os.ReadFile("go.mod")
		if err != nil {
			t.Fatal(err)
		}
		version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module)
		if !strings.Contains(text, "FROM golang:"+string(version[1])+"-bookworm ") {
			t.Errorf("the Dockerfile builds by another Go than %s", version[1])
		}
	})
}

func python(t *testing.T, org string) example {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "python3", "--version").Run(); err != nil {
		t.Skip("python3 is not installed")
	}
	return newExample(t, org)
}

// airflowStandIn has as much of Airflow's modules as the DAG uses: it runs what
// the operators would.
const airflowStandIn = `
import subprocess, sys, types

class DAG:
    def __init__(self, **args):
        assert args["dag_id"] and args["schedule"] and not args["catchup"] and args["max_active_runs"] == 1
    def __enter__(self): return self
    def __exit__(self, *_): pass

class BashOperator:
    def __init__(self, *, task_id, bash_command, env, append_env, do_xcom_push):
        assert all(v.startswith("{{ var.value.") and "secret" in v for v in env.values())
        subprocess.run(["bash", "-c", bash_command], check=True)

def module(name, **names):
    m = types.ModuleType(name)
    m.__dict__.update(names)
    sys.modules[name] = m

module("pendulum", datetime=lambda *a, tz: a)
for name in ["airflow", "airflow.providers", "airflow.providers.standard", "airflow.providers.standard.operators"]:
    module(name)
module("airflow.sdk", DAG=DAG)
module("airflow.providers.standard.operators.bash", BashOperator=BashOperator)
import dag
`
