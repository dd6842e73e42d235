package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/pipeline"
)

// planAnswer is the JSON of "sluice ingest --plan". Its names are a promise to
// scripts.
type planAnswer struct {
	Tables []tablePlan `json:"tables"`
	// Error is null when the run would begin as planned.
	Error    *errorAnswer `json:"error"`
	ExitCode int          `json:"exit_code"`
	Version  string       `json:"version"`
}

type tablePlan struct {
	SourceTable   string `json:"source_table"`
	DestTable     string `json:"dest_table"`
	Exists        bool   `json:"exists"`
	StrategyAsked string `json:"strategy_asked"`
	Strategy      string `json:"strategy"`
	// Full is true when every row would be read; From and To are null where the
	// window has no bound.
	Full bool    `json:"full"`
	From *string `json:"from"`
	To   *string `json:"to"`
	SOQL string  `json:"soql"`
	// Rows is null when the org does not tell.
	Rows       *int64 `json:"rows"`
	RowsStaged int64  `json:"rows_staged"`
	API        string `json:"api"`
	APIReason  string `json:"api_reason"`
	// Passes are the readings that come after that of the rows.
	Passes []passPlan `json:"passes"`
	// EstimatedCalls, jobs and seconds are those of the whole run, passes
	// included and the login not. PlanCalls is what the plan took.
	EstimatedCalls   int64    `json:"estimated_calls"`
	EstimatedJobs    int64    `json:"estimated_jobs"`
	EstimatedSeconds float64  `json:"estimated_seconds"`
	DDL              []string `json:"ddl"`
	Warnings         []string `json:"warnings"`
	PlanCalls        int64    `json:"plan_calls"`
}

type passPlan struct {
	Why       string `json:"why"`
	SOQL      string `json:"soql"`
	Rows      *int64 `json:"rows"` // null when the org does not tell
	API       string `json:"api"`
	APIReason string `json:"api_reason"`
}

func newTablePlan(v pipeline.Preview) tablePlan {
	t := tablePlan{
		SourceTable: v.SourceTable, DestTable: v.DestTable, Exists: v.Exists, StrategyAsked: v.Asked, Strategy: v.Strategy,
		Full: v.Full, From: instant(v.From), To: instant(v.To), SOQL: v.Query, RowsStaged: v.Staged, API: v.API, APIReason: v.Reason,
		EstimatedCalls: v.Calls, EstimatedJobs: v.Jobs, EstimatedSeconds: v.Time.Seconds(),
		Passes: []passPlan{}, DDL: append([]string{}, v.DDL...), Warnings: append([]string{}, v.Warnings...), PlanCalls: v.Took.Calls,
	}
	t.Rows = told(v.Rows)
	for _, pass := range v.Passes {
		t.Passes = append(t.Passes, passPlan{pass.Why, pass.Query, told(pass.Rows), pass.API, pass.Reason})
	}
	return t
}

// told is a count of rows as JSON has it, null when nobody knows it.
func told(rows int64) *int64 {
	if rows < 0 {
		return nil
	}
	return &rows
}

// counted is a count of rows as people have it.
func counted(rows *int64) string {
	if rows == nil {
		return "an unknown number of rows"
	}
	return plural(*rows, "row")
}

// instant is a time as JSON has it, null for none.
func instant(at time.Time) *string {
	if at.IsZero() {
		return nil
	}
	return orNull(at.UTC().Format("2006-01-02T15:04:05.999Z"))
}

// plan prints what the run would do. It ends at the first table that could not
// be loaded.
func (p *program) plan(ctx context.Context, r request) error {
	a := planAnswer{Tables: []tablePlan{}, Version: p.version()}
	var err error
	for _, job := range r.jobs {
		var preview pipeline.Preview
		if preview, err = pipeline.Look(ctx, job); err != nil {
			err = nameInterrupt(ctx, err)
			break
		}
		a.Tables = append(a.Tables, newTablePlan(preview))
	}
	if closing := r.close(); err == nil {
		err = closing
	}
	if p.json {
		if a.ExitCode = exitCode(err); err != nil {
			a.Error = &errorAnswer{err.Error(), hint(err)}
		}
		return errors.Join(p.printValue(a), err)
	}
	for _, t := range a.Tables {
		if err := printPlan(p.Stdout, t); err != nil {
			return err
		}
	}
	return err
}

// printPlan tells a person what a run would do:
//
//	Account -> public.account: 20,000 rows, all of them
//	  table      is there, replaced
//	  …
func printPlan(w io.Writer, t tablePlan) error {
	what := ", all of them"
	switch {
	case t.From != nil && t.To != nil:
		what = ", those of " + *t.From + " to " + *t.To
	case t.From != nil:
		what = ", those changed since " + *t.From
	case t.To != nil:
		what = ", those before " + *t.To
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s: %s%s\n", t.SourceTable, t.DestTable, counted(t.Rows), what)
	line := func(name, text string) {
		fmt.Fprintf(&b, "  %-9s %s\n", name, strings.ReplaceAll(text, "\n", "\n            "))
	}
	there := "is not there"
	if t.Exists {
		there = "is there"
	}
	by := "; loaded by " + t.StrategyAsked
	if t.Strategy != t.StrategyAsked {
		by += ", this time by " + t.Strategy
	}
	line("table", there+by)
	line("read by", withReason(apiName(t.API), t.APIReason))
	cost := "about " + plural(t.EstimatedCalls, "API call")
	if t.EstimatedJobs > 0 {
		cost += " and " + plural(t.EstimatedJobs, "Bulk job")
	}
	line("cost", cost+", some "+duration(time.Duration(t.EstimatedSeconds*float64(time.Second)))+"; this plan took "+plural(t.PlanCalls, "call"))
	if t.RowsStaged > 0 {
		line("staged", plural(t.RowsStaged, "row")+" of an earlier run, which are not fetched again if they still fit")
	}
	line("query", t.SOQL)
	for _, pass := range t.Passes {
		line("then", pass.Why+": "+counted(pass.Rows)+" by "+withReason(apiName(pass.API), pass.APIReason))
		line("query", pass.SOQL)
	}
	for _, statement := range t.DDL {
		line("DDL", statement)
	}
	for _, warning := range t.Warnings {
		line("warning", warning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
