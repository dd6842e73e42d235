package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/destination/postgres/pgtest"
)

// The commands of the pages are executed, in their order, one shell a page: the
// blocks that begin with ```sh. A block that cannot run here begins with
// ```sh norun. A block ```text right behind one is what it printed; numbers,
// times and the width of columns may differ, a line … stands for any lines.
//
// The pages name addresses that are put in place of these.
const (
	docOrg      = "http://127.0.0.1:8080"
	docPostgres = "postgresql://loader:secret@localhost:5432/crm"
)

// A page that sets up the org itself has to do so.
var selfContained = []string{"README.md", "doc/quick-start.md"}

func pages(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "doc/*.md", "examples/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	if len(names) < 12 {
		t.Fatalf("there are %d pages", len(names))
	}
	return names
}

func TestCommandsOfThePages(t *testing.T) {
	org := serveDemo(t)
	run := 0
	for _, name := range pages(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		blocks := blocksOf(string(text))
		if len(blocks) == 0 {
			continue
		}
		run += len(blocks)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := page{t: t, folder: t.TempDir(), org: org, selfContained: slices.Contains(selfContained, name)}
			address, drop, err := pgtest.Create()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := drop(); err != nil {
					t.Error(err)
				}
			})
			p.postgres = address
			after := string(text)
			for _, b := range p.run(blocks) {
				p.compare(b, &after)
			}
			if os.Getenv("UPDATE") != "" && after != string(text) {
				if err := os.WriteFile(name, []byte(after), 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if run < 25 {
		t.Errorf("the pages have %d blocks of commands that are run", run)
	}
}

// block is a piece of shell in a page, and what the page says it prints.
type block struct {
	line     int
	commands string
	// prints is nil when the page does not say.
	prints  *string
	printed string
}

// blocksOf finds the blocks that are run.
func blocksOf(text string) (blocks []block) {
	var last *block // while nothing but blank lines follows it
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); i++ {
		info, opens := strings.CutPrefix(strings.TrimSuffix(lines[i], "\n"), "```")
		if !opens {
			if strings.TrimSpace(lines[i]) != "" {
				last = nil
			}
			continue
		}
		start := i + 1
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "```"; i++ {
		}
		body := strings.Join(lines[start:min(i, len(lines))], "")
		switch {
		case info == "sh":
			blocks = append(blocks, block{line: start + 1, commands: body})
			last = &blocks[len(blocks)-1]
		case info == "text" && last != nil:
			last.prints, last = &body, nil
		default:
			last = nil
		}
	}
	return blocks
}

type page struct {
	t             *testing.T
	folder        string
	org, postgres string
	selfContained bool
}

// run executes the blocks in one shell, which ends at the first that fails.
func (p *page) run(blocks []block) []block {
	p.t.Helper()
	script := "set -euo pipefail\n"
	for i, b := range blocks {
		commands := strings.NewReplacer(docOrg, p.org, docPostgres, p.postgres, "bin/sluice", "sluice").Replace(b.commands)
		p.write(fmt.Sprintf("%d.sh", i), commands)
		script += fmt.Sprintf("exec > %[1]d.out 2>&1\n. ./%[1]d.sh\n", i)
	}
	p.write("all.sh", script)
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "--norc", "all.sh")
	c.Dir = p.folder
	c.Env = append(os.Environ(), "HOME="+p.folder, "SLUICE_PROGRESS=none", "TZ=UTC")
	if !p.selfContained {
		c.Env = append(c.Env, "SLUICE_SOURCE_URI="+demoCredentials+p.org)
	}
	failed := c.Run()
	for i := range blocks {
		out, err := os.ReadFile(filepath.Join(p.folder, fmt.Sprintf("%d.out", i)))
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		blocks[i].printed = strings.NewReplacer(p.org, docOrg, p.postgres, docPostgres).Replace(string(out))
		if s := secretsIn(string(out)); s != "" {
			p.t.Errorf("the block at line %d prints a secret", blocks[i].line)
		}
		if failed != nil && (i == len(blocks)-1 || !p.exists(fmt.Sprintf("%d.out", i+1))) {
			p.t.Fatalf("the block at line %d: %v\n%s%s", blocks[i].line, failed, blocks[i].commands, out)
		}
	}
	return blocks
}

// demoCredentials are those that the demo prints, before its address.
const demoCredentials = "salesforce://?username=integration%40example.com&password=corr%26ct%3Chorse%3Ebattery&token=Zq3PnUiT8vK1xYw7LsD5hRb2&domain="

func (p *page) exists(name string) bool {
	_, err := os.Stat(filepath.Join(p.folder, name))
	return err == nil
}

func (p *page) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// compare holds what was printed to what the page says, or corrects the page.
func (p *page) compare(b block, text *string) {
	p.t.Helper()
	if b.prints == nil || sameShape(*b.prints, b.printed) {
		return
	}
	if os.Getenv("UPDATE") != "" && !strings.Contains(*b.prints, "…\n") {
		*text = strings.Replace(*text, b.commands+"```\n\n```text\n"+*b.prints, b.commands+"```\n\n```text\n"+b.printed, 1)
		return
	}
	p.t.Errorf("the block at line %d printed\n%s\nand the page says\n%s\n(make golden corrects outputs without …)", b.line, b.printed, *b.prints)
}

func sameShape(want, got string) bool {
	pattern := "(?s)^"
	for line := range strings.Lines(shape(want)) {
		if line == "…\n" {
			pattern += "(.*\n)?"
			continue
		}
		pattern += regexp.QuoteMeta(line)
	}
	return regexp.MustCompile(pattern + "$").MatchString(shape(got))
}

// shapes take out of a text what differs from run to run, and from an org of
// 20,000 accounts, which the pages show, to one of 1,200.
var shapes = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`(REST API|Bulk API 2\.0) \([^)]*\)`), "API"},
	{regexp.MustCompile(`\b(rest|bulk)\b`), "api"},
	{regexp.MustCompile(` and \d+ Bulk jobs?,`), ","},
	{regexp.MustCompile(`(?m)^run +\S+$`), "run ID"},
	{regexp.MustCompile(`\b\d[\d.,]* (ms|s|min)( \d+ s)?\b`), "TIME"},
	{regexp.MustCompile(`\b\d[\d.,]* (B|kB|MB|GB)\b`), "SIZE"},
	{regexp.MustCompile(`\d([\d.,]*\d)?`), "0"},
	{regexp.MustCompile(`[ \t]+`), " "},
	{regexp.MustCompile(`(?m) $`), ""},
}

func shape(s string) string {
	for _, r := range shapes {
		s = r.is.ReplaceAllString(s, r.as)
	}
	return strings.TrimSpace(s) + "\n"
}

func TestOutputsAreComparedByTheirShape(t *testing.T) {
	const page = "Account -> public.account: 19,796 rows in 1.9 s\n  time  plan 54 ms\n…\nend\n"
	for got, same := range map[string]bool{
		"Account -> public.account: 7 rows in 12 ms\n  time      plan 1 min 4 s\nend\n":          true,
		"Account -> public.account: 7 rows in 12 ms\n  time      plan 1.2 s\nmore\nlines\nend\n": true,
		"Account -> public.accounts: 7 rows in 12 ms\n  time  plan 54 ms\nend\n":                 false,
		"Account -> public.account: 7 rows in 12 ms\n  time  plan 54 ms\n":                       false,
	} {
		if sameShape(page, got) != same {
			t.Errorf("%q is taken for the page's: %t", got, !same)
		}
	}
}

// serveDemo keeps the demo's org up, as the pages tell to.
func serveDemo(t *testing.T) (address string) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sluice", "demo", "--serve", "--rows", "1200", "--port", port)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Errorf("the demo: %v", err)
		}
	})
	if err := until(func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		return err == nil && conn.Close() == nil
	}); err != nil {
		t.Fatal(err)
	}
	return "http://127.0.0.1:" + port
}

// TestLinksOfThePages looks for the files and headings that pages refer to.
func TestLinksOfThePages(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:\s]*)(?:#([a-z0-9-]+))?\)`)
	found := 0
	for _, name := range pages(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			found++
			to := name
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(name), m[1])
			}
			target, err := os.Stat(to)
			if err != nil {
				t.Errorf("%s refers to %s: %v", name, m[1], err)
				continue
			}
			if m[2] == "" || target.IsDir() {
				continue
			}
			other, err := os.ReadFile(to)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(anchors(string(other)), m[2]) {
				t.Errorf("%s refers to %s#%s, and there is no such heading", name, m[1], m[2])
			}
		}
	}
	if found < 30 {
		t.Errorf("the pages have %d links", found)
	}
}

// anchors are the names that GitHub gives to headings.
func anchors(text string) (names []string) {
	gone := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	for line := range strings.Lines(text) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			names = append(names, strings.ReplaceAll(gone.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), ""), " ", "-"))
		}
	}
	return names
}

// duckdbClient is the command "duckdb FILE SQL" of the pages, as far as they
// need it: the tests do not want DuckDB's own program installed.
func duckdbClient() {
	err := func() error {
		db, err := sql.Open("duckdb", os.Args[1]+"?access_mode=read_only")
		if err != nil {
			return err
		}
		defer db.Close()
		rows, err := db.Query(os.Args[2])
		if err != nil {
			return err
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, strings.Join(names, " | "))
		for rows.Next() {
			cells, into := make([]any, len(names)), make([]any, len(names))
			for i := range cells {
				into[i] = &cells[i]
			}
			if err := rows.Scan(into...); err != nil {
				return err
			}
			fmt.Fprintln(os.Stdout, cells...)
		}
		return rows.Err()
	}()
	if err != nil {
		panic(err)
	}
}
