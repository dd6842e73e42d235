package cli

import (
	"context"
	"fmt"
	"strings"

	"sluice/source/salesforce/fakeorg"
)

// demoFile is written into the working folder.
const demoFile = "demo.duckdb"

// story is one run of the demo.
type story struct {
	program *program
	org     demoOrg
	env     map[string]string
}

// tellDemo loads, changes the org, loads again, and shows what came of it.
func (p *program) tellDemo(ctx context.Context, org demoOrg) error {
	_, _, client := org.uris()
	s := &story{p, org, map[string]string{"SLUICE_SOURCE_URI": client, "SLUICE_DEST_URI": "duckdb:///" + demoFile}}
	s.say("A made-up Salesforce org answers on %s. Every command below could be typed in a", org.address)
	s.say("shell while \"sluice demo --serve\" runs, after these two lines:\n")
	s.say("  export SLUICE_SOURCE_URI='%s'", client)
	s.say("  export SLUICE_DEST_URI='%s'", s.env["SLUICE_DEST_URI"])

	s.title("First load")
	for _, table := range []string{"user", "account", "contact", "opportunity", "custom:My__Community_Group__c"} {
		// The org is as new each time, the file may not be.
		if err := s.ingest(ctx, table, "--full-refresh"); err != nil {
			return err
		}
	}
	s.title("What the database holds now")
	if err := s.show(ctx, dealsByStage, largestAccounts); err != nil {
		return err
	}

	changes := s.changeOrg()
	before, err := namesOf(ctx, changes.ids)
	if err != nil {
		return err
	}
	s.title("Second load")
	s.say("In the org, %s.", changes.text)
	if err = s.ingest(ctx, "account"); err != nil {
		return err
	}
	after, err := namesOf(ctx, changes.ids)
	if err != nil {
		return err
	}
	s.title("What changed in the database")
	s.say("")
	rows := make([][]string, 0, len(changes.ids))
	for _, id := range changes.ids {
		rows = append(rows, []string{id, or(before[id], "(none)"), or(after[id], "(none)")})
	}
	if err = s.table([]string{"account", "before", "after"}, rows); err != nil {
		return err
	}
	s.say("\n%s is yours: duckdb %s opens it. With an org of your own: sluice ingest --help", demoFile, demoFile)
	return nil
}

// ingest runs the command that it prints.
func (s *story) ingest(ctx context.Context, table string, flags ...string) error {
	args := append([]string{"sluice", "ingest", "--source-table", table}, flags...)
	s.say("\n$ %s", strings.Join(args, " "))
	env := s.program.Env
	env.Getenv = func(name string) string { return s.env[name] } // not what the user has set
	p := &program{Env: env, args: args, catalog: s.program.catalog}
	return p.app().RunContext(ctx, args)
}

// orgChanges are what the demo did in the org.
type orgChanges struct {
	ids  []string // accounts concerned
	text string
}

// changeOrg renames two accounts, deletes one and adds one.
func (s *story) changeOrg() orgChanges {
	var ids []string
	for row := range s.org.Rows("Account") {
		if ids = append(ids, row.ID()); len(ids) == 3 {
			break
		}
	}
	s.org.Update("Account", ids[0], fakeorg.Values{"Name": "Renamed, with a comma"})
	s.org.Update("Account", ids[1], fakeorg.Values{"Name": "Renamed “wörld” 🌍"})
	s.org.Delete("Account", ids[2])
	ids = append(ids, s.org.Insert("Account", fakeorg.Values{"Name": "Newly won"}))
	return orgChanges{ids, "two accounts were renamed, one was deleted and one added"}
}

func (s *story) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.program.Stdout, format+"\n", args...)
}

func (s *story) title(text string) { s.say("\n%s\n%s", text, strings.Repeat("-", len(text))) }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
