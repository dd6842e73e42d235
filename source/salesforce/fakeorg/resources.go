package fakeorg

import (
	"fmt"
	"net/http"
	"strings"
)

// serveVersions answers /services/data, without a session.
func (o *Org) serveVersions(w http.ResponseWriter, r *http.Request) {
	type version struct {
		Label   string `json:"label"`
		URL     string `json:"url"`
		Version string `json:"version"`
	}
	seasons := [...]string{"Summer", "Winter", "Spring"}
	list := []version{}
	for n := OldestVersion; n <= o.newest(); n++ {
		// Version 31 was Summer '14; a year has three.
		year := 14 + (n-OldestVersion+2)/3
		list = append(list, version{fmt.Sprintf("%s '%d", seasons[(n-OldestVersion)%3], year), fmt.Sprintf("/services/data/v%d.0", n), fmt.Sprintf("%d.0", n)})
	}
	c := &call{org: o, w: w, r: r}
	_ = c.json(http.StatusOK, list)
}

func (o *Org) newest() int {
	if n := o.knob().NewestVersion; n > 0 {
		return n
	}
	return NewestVersion
}

func (c *call) resources() *apiError {
	if err := c.only("GET"); err != nil {
		return err
	}
	list := map[string]string{"identity": "https://login.salesforce.com/id/" + c.org.ID() + "/" + c.org.UserID()}
	for name := range handlers {
		list[name] = c.base() + "/" + name
	}
	return c.json(http.StatusOK, list)
}

// limits answers /limits and /limits/recordCount.
func (c *call) limits() *apiError {
	if err := c.only("GET"); err != nil {
		return err
	}
	if len(c.segments) == 2 && c.segments[1] == "recordCount" {
		return c.recordCount()
	}
	if len(c.segments) != 1 {
		return errNotFound
	}
	type limit struct{ Max, Remaining int }
	o := c.org
	o.mu.Lock()
	used, jobs := o.used, len(o.jobs)
	o.mu.Unlock()
	return c.json(http.StatusOK, map[string]limit{
		"DailyApiRequests": {o.config.APILimit, max(o.config.APILimit-used, 0)}, "DailyBulkApiBatches": {15_000, 15_000},
		"DailyBulkV2QueryJobs": {maxQueryJobs, maxQueryJobs - jobs}, "DailyBulkV2QueryFileStorageMB": {976_562, 976_562},
		"DailyAsyncApexExecutions": {250_000, 250_000}, "DataStorageMB": {1024, 900}, "FileStorageMB": {1024, 1000},
		"HourlyODataCallout": {1000, 1000}, "SingleEmail": {5000, 5000}, "MassEmail": {5000, 5000}, "ConcurrentSyncReportRuns": {20, 20},
	})
}

// recordCount gives approximate counts: Salesforce keeps them in the
// background. Names that it does not know are left out.
func (c *call) recordCount() *apiError {
	type count struct {
		Count int    `json:"count"`
		Name  string `json:"name"`
	}
	list := []count{}
	for name := range strings.SplitSeq(c.r.URL.Query().Get("sObjects"), ",") {
		if v := c.org.view(strings.TrimSpace(name)); v != nil && v.object.Queryable && !v.object.ghost {
			list = append(list, count{v.count(false), v.object.Name})
		}
	}
	return c.json(http.StatusOK, map[string]any{"sObjects": list})
}

// view is a table as it is now, nil when there is no such object.
func (o *Org) view(object string) *view {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.tables[strings.ToLower(object)]
	if t == nil {
		return nil
	}
	return o.viewOf(t)
}
