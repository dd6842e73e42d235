package cli

import (
	"encoding/json"
	"time"

	"sluice/pipeline"
)

// answer is the object that --json prints. Its names are a promise to scripts:
// they may be added to, never changed.
type answer struct {
	Tables      []tableAnswer `json:"tables"`
	RowsRead    int64         `json:"rows_read"`
	RowsWritten int64         `json:"rows_written"`
	RowsDeleted int64         `json:"rows_deleted"`
	Bytes       int64         `json:"bytes"`
	APICalls    int64         `json:"api_calls"`
	// APILimitRemaining is null when the org did not tell its limit.
	APILimitRemaining *int64             `json:"api_limit_remaining"`
	Seconds           map[string]float64 `json:"seconds"`
	Warnings          []string           `json:"warnings"`
	// Error is null when the run did what was asked.
	Error    *errorAnswer `json:"error"`
	ExitCode int          `json:"exit_code"`
	Version  string       `json:"version"`
}

type tableAnswer struct {
	SourceTable       string             `json:"source_table"`
	DestTable         string             `json:"dest_table"`
	API               string             `json:"api"`
	APIReason         string             `json:"api_reason"`
	StrategyAsked     string             `json:"strategy_asked"`
	Strategy          string             `json:"strategy"`
	Created           bool               `json:"created"`
	SchemaChanges     []string           `json:"schema_changes"`
	RowsRead          int64              `json:"rows_read"`
	RowsWritten       int64              `json:"rows_written"`
	RowsDeleted       int64              `json:"rows_deleted"`
	Bytes             int64              `json:"bytes"`
	APICalls          int64              `json:"api_calls"`
	APILimitRemaining *int64             `json:"api_limit_remaining"`
	PartRetries       int64              `json:"part_retries"`
	PartsReused       int                `json:"parts_reused"`
	RowsReused        int64              `json:"rows_reused"`
	RowsRefreshed     int64              `json:"rows_refreshed"`
	CursorBefore      *string            `json:"cursor_before"`
	CursorAfter       *string            `json:"cursor_after"`
	Seconds           map[string]float64 `json:"seconds"`
	Warnings          []string           `json:"warnings"`
	Run               string             `json:"run"`
	// Error is null when the table was loaded.
	Error *errorAnswer `json:"error"`
}

type errorAnswer struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// printJSON prints the one object that stdout holds on --json. Failures are
// those of the tables, of which err speaks when there is one.
func (p *program) printJSON(reports []pipeline.Report, failures []error, err error) error {
	p.answered = true
	a := newAnswer(reports)
	for i, failure := range failures {
		if failure != nil {
			a.Tables[i].Error = &errorAnswer{failure.Error(), hint(failure)}
		}
	}
	if len(failures) == 0 && len(a.Tables) == 1 && err != nil {
		a.Tables[0].Error = &errorAnswer{err.Error(), hint(err)}
	}
	a.Version, a.ExitCode = p.version(), exitCode(err)
	if err != nil {
		a.Error = &errorAnswer{err.Error(), hint(err)}
	}
	enc := json.NewEncoder(p.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(a)
}

func newAnswer(reports []pipeline.Report) answer {
	a := answer{Tables: []tableAnswer{}, Seconds: seconds(nil), Warnings: []string{}}
	for _, r := range reports {
		t := newTableAnswer(r)
		a.Tables = append(a.Tables, t)
		a.RowsRead += t.RowsRead
		a.RowsWritten += t.RowsWritten
		a.RowsDeleted += t.RowsDeleted
		a.Bytes += t.Bytes
		a.APICalls += t.APICalls
		if t.APILimitRemaining != nil {
			a.APILimitRemaining = t.APILimitRemaining
		}
		for phase, s := range t.Seconds {
			a.Seconds[phase] += s
		}
		a.Warnings = append(a.Warnings, t.Warnings...)
	}
	return a
}

func newTableAnswer(r pipeline.Report) tableAnswer {
	t := tableAnswer{
		SourceTable:   r.SourceTable,
		DestTable:     r.DestTable,
		API:           r.API,
		APIReason:     r.Reason,
		StrategyAsked: r.Asked,
		Strategy:      r.Strategy,
		Created:       r.Created,
		SchemaChanges: append([]string{}, r.SchemaChanges...),
		RowsRead:      r.RowsRead,
		RowsWritten:   r.RowsWritten,
		RowsDeleted:   r.RowsDeleted,
		Bytes:         r.Bytes,
		APICalls:      r.Calls,
		PartRetries:   r.Retries,
		PartsReused:   r.PartsReused,
		RowsReused:    r.RowsReused,
		RowsRefreshed: r.RowsRefreshed,
		CursorBefore:  orNull(r.CursorBefore),
		CursorAfter:   orNull(r.CursorAfter),
		Seconds:       seconds(r.Took),
		Warnings:      append([]string{}, r.Warnings...),
		Run:           r.Run,
	}
	if r.LimitMax > 0 {
		left := r.LimitMax - r.LimitUsed
		t.APILimitRemaining = &left
	}
	return t
}

// seconds gives every phase, 0 for those that were not reached, and the total.
func seconds(took map[pipeline.Phase]time.Duration) map[string]float64 {
	m := map[string]float64{}
	var total time.Duration
	for _, phase := range pipeline.Phases {
		m[string(phase)] = took[phase].Round(time.Millisecond).Seconds()
		total += took[phase]
	}
	m["total"] = total.Round(time.Millisecond).Seconds()
	return m
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
