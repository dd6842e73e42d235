package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"sluice/destination"
	"sluice/pipeline"
	"sluice/uri"
)

// The versions of OpenLineage's schemas that the events keep to.
const (
	runEventSchema   = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
	schemaFacet      = "https://openlineage.io/spec/facets/1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
	statisticsFacet  = "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
	errorFacet       = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
	defaultNamespace = "sluice"
)

// lineage adds events to a file, a line each, as the file transport of
// OpenLineage's clients does. Nil does nothing. It may be used concurrently.
type lineage struct {
	namespace, producer string
	// names gives the namespace of the database and the name of a table in it;
	// nil where no rows are kept.
	names func(destination.TableName) (namespace, name string)

	mu   sync.Mutex
	file *os.File
	err  error // the first
}

// openLineage opens the file of --openlineage.
func (p *program) openLineage(c *cli.Context) (*lineage, error) {
	path := c.String("openlineage")
	if path == "" || c.Bool("plan") {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, &usageError{"--openlineage: " + err.Error(), "name a file in a folder that this user can write to"}
	}
	return &lineage{
		namespace: cmp.Or(p.Getenv("OPENLINEAGE_NAMESPACE"), defaultNamespace),
		producer:  "urn:sluice:" + url.PathEscape(p.version()),
		names:     datasetsOf(c.String("dest-uri")),
		file:      f,
	}, nil
}

func (l *lineage) close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.err, l.file.Close()); err != nil {
		return fmt.Errorf("--openlineage: %w", err)
	}
	return nil
}

// datasetsOf names the tables of a database by OpenLineage's rules
// (https://openlineage.io/docs/spec/naming). They have none for DuckDB: its
// path takes the place of a host, as dbt's integration does it. A database of
// Heroku moves, so its app stands for the host.
func datasetsOf(address string) func(destination.TableName) (namespace, name string) {
	in := func(namespace, database string) func(destination.TableName) (string, string) {
		return func(t destination.TableName) (string, string) {
			return namespace, database + "." + t.Schema + "." + t.Table
		}
	}
	if d, err := uri.ParseDuckDB(address); err == nil {
		path, err := filepath.Abs(d.Path)
		if d.Path == uri.Memory || err != nil {
			path = d.Path
		}
		return in("duckdb://"+path, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	}
	if pg, err := uri.ParsePostgres(address); err == nil {
		return in("postgres://"+net.JoinHostPort(pg.Host, strconv.Itoa(int(pg.Port))), pg.Database)
	}
	if h, err := uri.ParseHeroku(address); err == nil {
		return in("heroku://"+h.App, h.Var)
	}
	return nil
}

// The parts of a RunEvent.
type (
	runEvent struct {
		EventType string     `json:"eventType"`
		EventTime string     `json:"eventTime"`
		Run       runOfEvent `json:"run"`
		Job       jobOfEvent `json:"job"`
		Inputs    []dataset  `json:"inputs"`
		Outputs   []dataset  `json:"outputs"`
		Producer  string     `json:"producer"`
		SchemaURL string     `json:"schemaURL"`
	}
	runOfEvent struct {
		RunID  string         `json:"runId"`
		Facets map[string]any `json:"facets,omitempty"`
	}
	jobOfEvent struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	}
	dataset struct {
		Namespace    string         `json:"namespace"`
		Name         string         `json:"name"`
		Facets       map[string]any `json:"facets,omitempty"`
		OutputFacets map[string]any `json:"outputFacets,omitempty"`
	}
	fieldOfSchema struct {
		Name string `json:"name"`
		Type string `json:"type,omitempty"`
	}
)

// run loads a table, and tells when it begins and how it ends.
func (l *lineage) run(ctx context.Context, job pipeline.Job) (pipeline.Report, error) {
	if l == nil {
		return pipeline.Run(ctx, job)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return pipeline.Report{}, err
	}
	e := runEvent{
		EventType: "START", Run: runOfEvent{RunID: id.String()}, Inputs: []dataset{}, Outputs: []dataset{}, Producer: l.producer, SchemaURL: runEventSchema,
		Job: jobOfEvent{l.namespace, destinationOf(job).Schema + "." + destinationOf(job).Table},
	}
	l.add(e, time.Now())
	report, err := pipeline.Run(ctx, job)
	e.EventType = "COMPLETE"
	if err != nil {
		e.EventType = "FAIL"
		if ctx.Err() != nil {
			e.EventType = "ABORT"
		}
		e.Run.Facets = map[string]any{"errorMessage": l.facet(errorFacet, "message", err.Error(), "programmingLanguage", "Go")}
	}
	e.Inputs, e.Outputs = l.inputs(report), l.outputs(report, err == nil)
	l.add(e, report.Ended)
	return report, err
}

// facet makes one of pairs of a name and a value.
func (l *lineage) facet(schema string, pairs ...any) map[string]any {
	f := map[string]any{"_producer": l.producer, "_schemaURL": schema}
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i].(string)] = pairs[i+1]
	}
	return f
}

// inputs has the object, as soon as the org has told which it is.
func (l *lineage) inputs(r pipeline.Report) []dataset {
	if r.Host == "" || r.Fields == nil {
		return []dataset{}
	}
	var fields []fieldOfSchema
	for _, f := range r.Fields {
		fields = append(fields, fieldOfSchema(f))
	}
	return []dataset{{Namespace: "salesforce://" + r.Host, Name: r.SourceTable, Facets: map[string]any{"schema": l.facet(schemaFacet, "fields", fields)}}}
}

func (l *lineage) outputs(r pipeline.Report, loaded bool) []dataset {
	table, err := destination.ParseTableName(r.DestTable, "public")
	if l.names == nil || err != nil {
		return []dataset{}
	}
	d := dataset{}
	d.Namespace, d.Name = l.names(table)
	if !loaded {
		return []dataset{d}
	}
	fields := []fieldOfSchema{}
	for _, c := range r.Columns {
		fields = append(fields, fieldOfSchema{c.Name, c.Type})
	}
	d.Facets = map[string]any{"schema": l.facet(schemaFacet, "fields", fields)}
	d.OutputFacets = map[string]any{"outputStatistics": l.facet(statisticsFacet, "rowCount", r.RowsWritten)}
	return []dataset{d}
}

// add writes an event as a line, at once: others may add to the same file.
func (l *lineage) add(e runEvent, at time.Time) {
	e.EventTime = at.UTC().Format("2006-01-02T15:04:05.000Z")
	line, err := json.Marshal(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	l.err = cmp.Or(l.err, err)
}
