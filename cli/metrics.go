package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"sluice/destination"
	"sluice/pipeline"
)

const lastSuccess = "sluice_last_success_timestamp_seconds"

// tableLabels tell the tables of a run apart, by the names that the user gave
// or would have given: they stay the same when a run fails early.
var tableLabels = []string{"source_table", "dest_table"}

// metrics are those of one run, in the words of Prometheus.
type metrics struct {
	registry *prometheus.Registry
	success  *prometheus.GaugeVec
}

func gauge(r *prometheus.Registry, name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	r.MustRegister(g)
	return g
}

// newMetrics has those of the run as a whole.
func newMetrics(code int, version string, now time.Time) metrics {
	m := metrics{registry: prometheus.NewRegistry()}
	m.success = gauge(m.registry, lastSuccess, "When the table was last loaded.", tableLabels...)
	gauge(m.registry, "sluice_last_run_timestamp_seconds", "When the last run ended.").WithLabelValues().Set(float64(now.UnixMilli()) / 1000)
	gauge(m.registry, "sluice_last_run_exit_code", "The exit code of the last run; 0 is success.").WithLabelValues().Set(float64(code))
	gauge(m.registry, "sluice_build_info", "The version that ran last.", "version").WithLabelValues(version).Set(1)
	return m
}

// tables adds what became of each table.
func (m metrics) tables(o outcome, before map[string]float64, now time.Time) {
	table := func(name, help string) *prometheus.GaugeVec { return gauge(m.registry, name, help, tableLabels...) }
	loaded := table("sluice_last_run_success", "1 if the last run loaded the table, 0 if not.")
	read := table("sluice_last_run_rows_read", "Rows received from the org.")
	written := table("sluice_last_run_rows_written", "Rows written to the table.")
	deleted := table("sluice_last_run_rows_deleted", "Rows that left the table.")
	received := table("sluice_last_run_received_bytes", "Bytes of answers, decompressed.")
	calls := table("sluice_last_run_api_calls", "API calls made.")
	warnings := table("sluice_last_run_warnings", "Warnings of the run.")
	took := gauge(m.registry, "sluice_last_run_duration_seconds", "Time spent in each phase.", append(tableLabels, "phase")...)
	left := gauge(m.registry, "sluice_org_api_calls_remaining", "API calls that the org has left today.")
	for i, r := range o.reports {
		labels := []string{o.jobs[i].SourceTable, destinationOf(o.jobs[i]).String()}
		set := func(g *prometheus.GaugeVec, value int64) { g.WithLabelValues(labels...).Set(float64(value)) }
		if o.failures[i] == nil {
			set(loaded, 1)
			m.success.WithLabelValues(labels...).Set(float64(now.UnixMilli()) / 1000)
		} else {
			set(loaded, 0)
			if at, ok := before[strings.Join(labels, "\x00")]; ok {
				m.success.WithLabelValues(labels...).Set(at)
			}
		}
		set(read, r.RowsRead)
		set(written, r.RowsWritten)
		set(deleted, r.RowsDeleted)
		set(received, r.Bytes)
		set(calls, r.Calls)
		set(warnings, int64(len(r.Warnings)))
		for _, phase := range pipeline.Phases {
			took.WithLabelValues(append(labels, string(phase))...).Set(r.Took[phase].Seconds())
		}
		if r.LimitMax > 0 {
			left.WithLabelValues().Set(float64(r.LimitMax - r.LimitUsed))
		}
	}
}

// writeMetrics writes the file of --metrics-file, for the textfile collector of
// Prometheus' node exporter. A run that fails keeps what the file says of the
// last success.
func (p *program) writeMetrics(path string, o outcome) error {
	if path == "" {
		return nil
	}
	before, readErr := successes(path)
	now := time.Now()
	m := newMetrics(exitCode(o.err), p.version(), now)
	m.tables(o, before, now)
	if len(o.jobs) == 0 { // the run did not get as far as tables
		for labels, at := range before {
			m.success.WithLabelValues(strings.Split(labels, "\x00")...).Set(at)
		}
	}
	if err := errors.Join(readErr, prometheus.WriteToTextfile(path, m.registry)); err != nil {
		return fmt.Errorf("--metrics-file: %w", err)
	}
	return nil
}

// checkMetricsFile refuses a file that could not be written after the run.
func checkMetricsFile(path string) error {
	if path == "" {
		return nil
	}
	if _, err := successes(path); err != nil {
		return &usageError{"--metrics-file: " + err.Error(), "name another file, in the folder that the node exporter reads"}
	}
	if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
		return &usageError{fmt.Sprintf("--metrics-file: there is no folder %s", filepath.Dir(path)), "make it, or name another"}
	}
	return nil
}

// successes reads when each table was last loaded out of a file that an earlier
// run wrote, by its labels, joined by NUL.
func successes(path string) (map[string]float64, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(f)
	if err != nil {
		return nil, fmt.Errorf("%s is no file of metrics: %w", path, err)
	}
	at := map[string]float64{}
	for _, metric := range families[lastSuccess].GetMetric() {
		at[strings.Join(labelValues(metric), "\x00")] = metric.GetGauge().GetValue()
	}
	return at, nil
}

func labelValues(m *dto.Metric) []string {
	values := make([]string, len(tableLabels))
	for i, name := range tableLabels {
		for _, pair := range m.GetLabel() {
			if pair.GetName() == name {
				values[i] = pair.GetValue()
			}
		}
	}
	return values
}

// destinationOf is the table that a job writes.
func destinationOf(j pipeline.Job) destination.TableName {
	if j.Table != (destination.TableName{}) {
		return j.Table
	}
	return destination.TableName{Schema: "public", Table: destination.Snake(strings.TrimPrefix(j.SourceTable, "custom:"))}
}
