package salesforce

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sluice/source"
)

// ticket is what the token of a scan says: which Bulk job has its rows. The org
// keeps the result of a job for seven days (Bulk API 2.0 Developer Guide,
// API 66), and the same pages come whenever they are asked for.
type ticket struct {
	Job string `json:"job"`
	// Query is a hash of all that decides which rows the job has.
	Query string `json:"query"`
	// Horizon is that of the scan which made the job (P6).
	Horizon time.Time `json:"horizon,omitzero"`
}

func (q query) hash(version string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %t %s", version, q.all, q.soql()))
	return hex.EncodeToString(sum[:8])
}

// Token implements [source.Scan]. REST leaves nothing in the org, and of a job
// whose pages are a chain only the first could be found again.
func (s *scan) Token() string {
	if s.resumed != "" {
		return s.resumed
	}
	b, ok := s.by.(*bulkReader)
	if !ok || !b.parallel {
		return ""
	}
	text, err := json.Marshal(ticket{b.job.ID, s.q.hash(s.t.src.api.version.String()), s.log.horizon})
	if err != nil {
		return ""
	}
	return string(text)
}

// Keep implements [source.Scan].
func (s *scan) Keep() { s.kept = true }

// goOn takes over a job that an earlier scan of the same query has left (P9).
// It says false when that cannot be done, so that the scan starts over.
func (s *scan) goOn(ctx context.Context, r source.Resume) (bool, error) {
	var old ticket
	if r.Token == "" || json.Unmarshal([]byte(r.Token), &old) != nil ||
		old.Query != s.q.hash(s.t.src.api.version.String()) || !validName("j"+old.Job) {
		return false, nil
	}
	b := newBulkReader(s)
	b.parallel, b.path = true, s.t.src.api.path("jobs/query/"+old.Job)
	err := s.t.src.api.getJSON(ctx, "look at Bulk job "+old.Job+" for "+s.q.object, b.path, &b.job)
	if err == nil && b.job.State == jobComplete && b.job.ID == old.Job {
		err = b.listAll(ctx)
	} else if err == nil {
		return false, nil
	}
	var no *apiError
	if errors.As(err, &no) && no.Status < http.StatusInternalServerError {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	pages := len(b.pages)
	if !b.skip(r.Done) {
		return false, nil
	}
	if old.Horizon.Before(s.log.horizon) {
		s.log.horizon, s.log.began = old.Horizon, old.Horizon
	}
	s.by, s.resumed = b, r.Token
	s.plan.API, s.plan.Rows = "bulk", b.rows()
	s.plan.Reason = fmt.Sprintf("goes on with job %s, %d of %d pages are there", old.Job, len(r.Done), pages)
	return true, nil
}

// listAll reads the whole list of pages.
func (b *bulkReader) listAll(ctx context.Context) error {
	for b.listing = b.path + "/resultPages"; b.listing != ""; {
		if err := b.more(ctx); err != nil {
			return err
		}
	}
	return nil
}

// skip strikes the pages that are done off the list. It says false when one of
// them is not on it: then the pages are not those that were read.
func (b *bulkReader) skip(done map[string]int64) bool {
	for name, rows := range done {
		i := slices.Index(b.pages, b.path+name)
		if i < 0 {
			return false
		}
		b.pages = slices.Delete(b.pages, i, i+1)
		b.got[name] = rows
	}
	return true
}
