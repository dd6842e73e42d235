package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"sluice/destination"
	"sluice/pipeline"
	"sluice/source"
)

func TestDatasetsAreNamedAsOpenLineageDoes(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	table := destination.TableName{Schema: "sales", Table: "account"}
	for address, want := range map[string][2]string{
		"duckdb:///crm.db":                              {"duckdb://" + here + "/crm.db", "crm.sales.account"},
		"duckdb:////var/data/crm.duckdb":                {"duckdb:///var/data/crm.duckdb", "crm.sales.account"},
		"duckdb://:memory:":                             {"duckdb://:memory:", ":memory:.sales.account"},
		"postgresql://loader:s3cret@db.internal/crm":    {"postgres://db.internal:5432", "crm.sales.account"},
		"postgres://loader:s3cret@[::1]:6543/crm?x=y":   {"postgres://[::1]:6543", "crm.sales.account"},
		"heroku://acme-crm/HEROKU_POSTGRESQL_COPPER_UR": {"heroku://acme-crm", "HEROKU_POSTGRESQL_COPPER_UR.sales.account"},
	} {
		namespace, name := datasetsOf(address)(table)
		if namespace != want[0] || name != want[1] {
			t.Errorf("%s: %s %s, want %s", address, namespace, name, want)
		}
	}
	if datasetsOf("discard:") != nil {
		t.Error("a table that is thrown away has a name")
	}
}

// TestEventsHaveWhatTheSpecRequires: the members that OpenLineage 2-0-2 names as
// required, for each way in which a table may end.
func TestEventsHaveWhatTheSpecRequires(t *testing.T) {
	boom := errors.New("the org is down")
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	for ending, ctx := range map[string]context.Context{"FAIL": t.Context(), "ABORT": interrupted} {
		path := filepath.Join(t.TempDir(), "events")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		l := &lineage{namespace: "nightly", producer: "urn:sluice:v1", names: datasetsOf("duckdb:////data/crm.db"), file: f}
		job := pipeline.Job{SourceTable: "custom:My__c", Open: func(context.Context) (source.Source, error) { return nil, boom }}
		if _, err := l.run(ctx, job); err == nil {
			t.Error("the error of the run is lost")
		}
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d events", len(lines))
		}
		ids := map[string]bool{}
		for i, line := range lines {
			var e struct {
				EventType           string
				EventTime           time.Time
				Producer, SchemaURL string
				Run                 struct{ RunID string }
				Job                 struct{ Namespace, Name string }
				Inputs, Outputs     []any
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if want := []string{"START", ending}[i]; e.EventType != want {
				t.Errorf("event %d is %s, want %s", i, e.EventType, want)
			}
			if e.EventTime.IsZero() || e.Producer == "" || e.SchemaURL != runEventSchema || e.Inputs == nil || e.Outputs == nil {
				t.Errorf("incomplete: %s", line)
			}
			if e.Job.Namespace != "nightly" || e.Job.Name != "public.my__c" {
				t.Errorf("job %v", e.Job)
			}
			if _, err := uuid.Parse(e.Run.RunID); err != nil {
				t.Errorf("run %q: %v", e.Run.RunID, err)
			}
			ids[e.Run.RunID] = true
		}
		if len(ids) != 1 {
			t.Errorf("the events of a run have the ids %v", ids)
		}
	}
}
