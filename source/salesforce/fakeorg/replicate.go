package fakeorg

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How far back the change log reaches, and how many ids one answer may hold.
// REST API Developer Guide, "Get Updated" and "Get Deleted".
const (
	updatedReach = 30 * 24 * time.Hour
	deletedReach = 15 * 24 * time.Hour
	maxLogged    = 600_000
)

// period reads start and end, to the minute.
func (c *call) period(v *view, reach time.Duration) (start, end time.Time, err *apiError) {
	if err = c.only("GET"); err != nil {
		return start, end, err
	}
	if !v.object.Replicateable {
		return start, end, badRequest("INVALID_TYPE", "object type "+v.object.Name+" is not replicateable")
	}
	start, okStart := parseTime(c.r.URL.Query().Get("start"))
	end, okEnd := parseTime(c.r.URL.Query().Get("end"))
	now := c.org.clock.Now()
	switch {
	case !okStart || !okEnd:
		return start, end, badRequest("INVALID_REPLICATION_DATE", "start and end must be dates of the form 2011-05-05T05:05:05+00:00")
	case !start.Before(end):
		return start, end, badRequest("INVALID_REPLICATION_DATE", "startDate before endDate required")
	case c.org.knob().NoFutureInLog && end.After(now):
		return start, end, badRequest("INVALID_REPLICATION_DATE", "endDate cannot be in the future")
	case now.Sub(start) > reach+24*time.Hour:
		return start, end, badRequest("INVALID_REPLICATION_DATE", "startDate cannot be more than "+strconv.Itoa(int(reach.Hours()/24))+" days ago")
	}
	return start, end, nil
}

// parseTime reads ISO 8601 as the change log takes it. An unescaped plus has
// become a blank on the way.
func parseTime(s string) (time.Time, bool) {
	s = strings.Replace(s, " ", "+", 1)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.000-0700", "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Minute), true
		}
	}
	return time.Time{}, false
}

// covered is up to when the log is complete: the end that was asked for, never
// the future, held back to the start of a transaction that is still open.
func (o *Org) covered(object string, end time.Time) time.Time {
	now := o.clock.Now()
	if end.After(now) {
		end = now
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, h := range o.tables[strings.ToLower(object)].held {
		if h.begun.Before(end) {
			end = h.begun
		}
	}
	return end.Truncate(time.Minute)
}

func restTime(t time.Time) string { return string(appendStamp(nil, t.UnixMilli(), "+0000")) }

// stampField is what the log goes by.
func (o *Object) stampField() *Field {
	for _, name := range []string{"SystemModstamp", "LastModifiedDate", "CreatedDate"} {
		if f := o.Field(name); f != nil {
			return f
		}
	}
	return nil
}

func (c *call) updated(v *view) *apiError {
	start, end, err := c.period(v, updatedReach)
	if err != nil {
		return err
	}
	ids, stamp := []string{}, v.object.stampField()
	for row := range v.n {
		if at := v.cell(row, stamp).num; at >= start.UnixMilli() && at < end.UnixMilli() && v.visible(row, false) {
			ids = append(ids, formatID(v.object.Prefix, row+1))
		}
	}
	if len(ids) > maxLogged {
		return badRequest("EXCEEDED_ID_LIMIT", "exceeded id limit of 600000")
	}
	return c.json(http.StatusOK, ordered{{"ids", ids}, {"latestDateCovered", restTime(c.org.covered(v.object.Name, end))}})
}

// deleted lists what went into the bin, also when the bin was emptied since.
func (c *call) deleted(v *view) *apiError {
	start, end, err := c.period(v, deletedReach)
	if err != nil {
		return err
	}
	list := []ordered{}
	for row, e := range v.sortedEdits() {
		if e.deleted >= start.UnixMilli() && e.deleted < end.UnixMilli() {
			list = append(list, ordered{{"id", formatID(v.object.Prefix, row+1)}, {"deletedDate", string(appendStamp(nil, e.deleted, "+0000"))}})
		}
	}
	earliest := c.org.clock.Now().Add(-deletedReach).Truncate(time.Minute)
	return c.json(http.StatusOK, ordered{
		{"deletedRecords", list}, {"earliestDateAvailable", restTime(earliest)}, {"latestDateCovered", restTime(c.org.covered(v.object.Name, end))},
	})
}
