package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"sluice/source"
)

// changeLog is what the org's own log of an object says: up to when it is
// complete, and which rows went away (GET /sobjects/X/deleted, REST API
// Developer Guide, API 66). A query cannot tell the latter: a row that left the
// recycle bin is in no result.
type changeLog struct {
	scan    *scan
	began   time.Time
	horizon time.Time
	logged  bool // the log was read, or there is none
	mu      sync.Mutex
	// gone are the ids that the log lists and no row of this scan has shown.
	// The list may be wrong: it holds rows that were undeleted since.
	gone map[string]bool
}

// deletedReach is how far back the log of deletions goes, with some slack for
// the minutes until the request arrives.
const deletedReach = 15*24*time.Hour - 10*time.Minute

// read asks the log what was deleted since a moment; zero asks for the horizon
// alone. It comes before the query, so that the horizon is no later than the
// query's view of the rows.
func (l *changeLog) read(ctx context.Context, s *scan, since time.Time) error {
	l.scan = s
	now := s.t.src.meter.orgTime()
	l.began, l.horizon = now, now
	l.logged = !s.t.obj.Replicateable
	if l.logged {
		if s.t.obj.Deletable && !since.IsZero() {
			s.warnUnlogged("Salesforce keeps no log of deletions for " + s.t.obj.Name)
		}
		return nil
	}
	if now.IsZero() { // no answer had a date: ours is good enough to ask by
		now = time.Now().UTC()
	}
	// The log counts in minutes, and this one is to be in it.
	end := now.Truncate(time.Minute).Add(time.Minute)
	start := end.Add(-time.Hour)
	if !since.IsZero() {
		start = since.Truncate(time.Minute)
		if start.Before(now.Add(-deletedReach)) {
			start = now.Add(-deletedReach).Truncate(time.Minute)
			s.warnUnlogged(fmt.Sprintf("the last load of %s is from %s, and Salesforce logs deletions for 15 days only", s.t.obj.Name, since.Format(time.DateOnly)))
		}
	}
	if !start.Before(end) {
		start = end.Add(-time.Minute)
	}
	told, err := s.deleted(ctx, start, end)
	if end = end.Add(-time.Minute); outOfReach(err) && start.Before(end) {
		told, err = s.deleted(ctx, start, end) // an org that does not look ahead
	}
	if remedyOf(err) == unlogged {
		if !since.IsZero() {
			s.warnUnlogged(fmt.Sprintf("the org refuses the log of deletions of %s (%v)", s.t.obj.Name, errors.Unwrap(err)))
		}
		return nil
	}
	if err != nil {
		return err
	}
	l.logged = true
	switch covered := told.covered; {
	case covered.IsZero():
	case !l.began.IsZero():
		if covered.Before(l.horizon) {
			l.horizon = covered
		}
	case covered.Before(end.Add(time.Minute)): // else it may be our own clock, given back
		l.began, l.horizon = covered, covered
	}
	if since.IsZero() {
		return nil
	}
	if told.earliest.After(start) {
		s.warnUnlogged(fmt.Sprintf("the org's log of deletions of %s begins %s, after the last load", s.t.obj.Name, told.earliest.Format(time.RFC3339)))
	}
	l.gone = told.ids
	return nil
}

// warnUnlogged says why rows that were erased may stay.
func (s *scan) warnUnlogged(why string) {
	s.observe(source.Event{Warning: why + ": rows erased there stay here until --reconcile"})
}

// outOfReach says whether the log refused the moments that it was asked for.
func outOfReach(err error) bool {
	var no *apiError
	return errors.As(err, &no) && no.Code == "INVALID_REPLICATION_DATE"
}

// deletions is an answer of the log: which rows went away, from when on the log
// has them, and up to when it is complete. A moment that it does not tell is zero.
type deletions struct {
	ids               map[string]bool
	earliest, covered time.Time
}

// deleted reads the log between two moments, in halves where it is too long
// for one answer.
func (s *scan) deleted(ctx context.Context, start, end time.Time) (told deletions, err error) {
	api, op := s.t.src.api, "read the log of deleted "+s.t.obj.Name
	var answer struct {
		Records []struct {
			ID string `json:"id"`
		} `json:"deletedRecords"`
		Earliest string `json:"earliestDateAvailable"`
		Covered  string `json:"latestDateCovered"`
	}
	span := url.Values{"start": {start.Format(time.RFC3339)}, "end": {end.Format(time.RFC3339)}}
	err = api.getJSON(ctx, op, api.path("sobjects/"+s.t.obj.Name+"/deleted/?"+span.Encode()), &answer)
	var fault *source.Error
	if errors.As(err, &fault) && fault.Code == "EXCEEDED_ID_LIMIT" && end.Sub(start) >= 2*time.Minute {
		middle := start.Add(end.Sub(start) / 2).Truncate(time.Minute)
		early, err := s.deleted(ctx, start, middle)
		if err != nil {
			return told, err
		}
		late, err := s.deleted(ctx, middle, end)
		for id := range late.ids {
			early.ids[id] = true
		}
		early.covered = late.covered
		return early, err
	}
	if err != nil {
		return told, err
	}
	told.earliest, told.covered = moment(answer.Earliest), moment(answer.Covered)
	told.ids = make(map[string]bool, len(answer.Records))
	for _, r := range answer.Records {
		if !validName("i" + r.ID) {
			return told, &source.Error{Op: op, Err: fmt.Errorf("the org gave %q as an Id", excerpt([]byte(r.ID)))}
		}
		told.ids[r.ID] = true
	}
	return told, nil
}

// moment is a datetime of an answer, zero for anything else.
func moment(text string) time.Time {
	at, err := parseStamp([]byte(text))
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// watch strikes the rows that a part shows off the list of the gone ones: what
// the row itself says is right, deleted or not.
func (l *changeLog) watch(p source.Part) source.Part {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.gone) == 0 {
		return p
	}
	return &watchedPart{p, l}
}

type watchedPart struct {
	source.Part
	log *changeLog
}

func (p *watchedPart) Read(ctx context.Context, emit func(arrow.RecordBatch) error) error {
	return p.Part.Read(ctx, func(b arrow.RecordBatch) error {
		p.log.saw(b)
		return emit(b)
	})
}

func (l *changeLog) saw(b arrow.RecordBatch) {
	at := b.Schema().FieldIndices("Id")
	if len(at) == 0 {
		return
	}
	ids := b.Column(at[0]).(*array.String)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range ids.Len() {
		delete(l.gone, ids.Value(i))
	}
}

// Logged implements [source.Scan].
func (s *scan) Logged() bool { return s.log.logged }

// Began implements [source.Scan].
func (s *scan) Began() time.Time { return s.log.began }

// Horizon implements [source.Scan].
func (s *scan) Horizon() time.Time { return s.log.horizon }

// checkedAtOnce is how many Ids of the log are looked up in one query: as many
// as fit in its address.
const checkedAtOnce = 300

// Gone implements [source.Scan]. Each Id of the log is looked up first: one
// that is there, and not deleted, was undeleted.
func (s *scan) Gone(ctx context.Context, emit func(arrow.RecordBatch) error) error {
	ids := make([]string, 0, len(s.log.gone))
	for id := range s.log.gone {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	id := s.t.obj.field("Id")
	if id == nil || len(s.t.schema.FieldIndices(id.Name)) == 0 {
		return nil // nothing to tell rows apart by
	}
	schema := s.t.subset([]string{id.Name}, nil)
	for some := range slices.Chunk(ids, checkedAtOnce) {
		there, err := s.alive(ctx, some)
		if err != nil {
			return err
		}
		b := newBatcher(s.q.object, schema, s.t.src.opt.Alloc, emit)
		for _, id := range some {
			if there[id] {
				continue
			}
			b.beginRow()
			if err = b.set(0, []byte(id)); err == nil {
				err = b.endRow()
			}
			if err != nil {
				break
			}
		}
		if err == nil {
			err = b.flush()
		}
		b.release()
		if err != nil {
			return named("delete "+s.q.object, err)
		}
	}
	return nil
}

// alive asks which of some Ids are rows of the org that are not deleted.
func (s *scan) alive(ctx context.Context, ids []string) (map[string]bool, error) {
	q := query{object: s.q.object, fields: []string{s.t.obj.field("Id").Name}, all: true, where: []string{"Id IN ('" + strings.Join(ids, "','") + "')"}}
	if deleted := s.t.DeletedKey(); deleted != "" {
		q.where = append(q.where, deleted+" = false")
	}
	there := make(map[string]bool, len(ids))
	r := &restReader{scan: s}
	b := newBatcher(q.object, s.t.subset(q.fields, nil), s.t.src.opt.Alloc, func(rec arrow.RecordBatch) error {
		column := rec.Column(0).(*array.String)
		for i := range column.Len() {
			there[strings.Clone(column.Value(i))] = true
		}
		return nil
	})
	defer b.release()
	err := r.pages(ctx, q.path(s.t.src.api, q.soql()), nil, func(p queryPage) error {
		_, err := decodeJSON(p, b)
		return err
	})
	if err == nil {
		err = b.flush()
	}
	return there, named("look up deleted "+q.object, err)
}
