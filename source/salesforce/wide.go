package salesforce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sync/errgroup"

	"sluice/source"
)

// A query of several hundred fields is too long for an address. Its columns
// are then read by several queries, each with the Id and the stamp of the last
// change, ordered by Id. A row is put together when all of them agree on both;
// a row that was changed, made or deleted in between is read once more.

// splitReserve is the part of the address that a list of Ids may need later.
const splitReserve = 3_500

// split gives the queries whose addresses fit in most bytes and that together
// read the columns of q: q itself when it fits.
func (q query) split(t *table, most int) []query {
	a := t.src.api
	id, stamp := t.obj.field("Id"), t.obj.field(t.CursorKey())
	if len(q.path(a, q.soql())) <= most || id == nil {
		return []query{q}
	}
	common := []string{id.Name}
	if stamp != nil {
		common = append(common, stamp.Name)
	}
	part := q
	part.order = id.Name
	part.fields = common
	size := len(part.path(a, part.soql()))
	room := most - splitReserve - size
	var chunks []query
	used := 0
	part.fields = slices.Clone(common)
	for _, f := range q.fields {
		if slices.Contains(common, f) {
			continue
		}
		if used+len(f)+1 > room && used > 0 {
			chunks = append(chunks, part)
			part.fields = slices.Clone(common)
			used = 0
		}
		part.fields = append(part.fields, f)
		used += len(f) + 1
	}
	return append(chunks, part)
}

// maxRereads is how often rows are read once more before the run gives up on a
// record that changes all the time.
const maxRereads = 5

// idsAtOnce is how many Ids fit in splitReserve.
const idsAtOnce = 100

// readWide sends all rows of a query that was split.
func (r *restReader) readWide(ctx context.Context, emit func(arrow.RecordBatch) error) error {
	stale, err := r.join(ctx, r.chunks, emit)
	for try := 0; err == nil && len(stale) > 0; try++ {
		if try == maxRereads {
			return &source.Error{
				Op: "query " + r.q.object, Kind: source.TryLater, Again: true,
				Err:  fmt.Errorf("record %s and %d others changed each time they were read", stale[0], len(stale)-1),
				Mend: "run again when the org is calmer, or read by Bulk (api=bulk)",
			}
		}
		var still []string
		for ids := range slices.Chunk(stale, idsAtOnce) {
			var again []string
			again, err = r.join(ctx, withIDs(r.chunks, ids), emit)
			if err != nil {
				return err
			}
			still = append(still, again...)
		}
		stale = still
	}
	return err
}

// withIDs narrows queries to a list of Ids.
func withIDs(chunks []query, ids []string) []query {
	out := slices.Clone(chunks)
	for i := range out {
		out[i].where = append(slices.Clone(out[i].where), "Id IN ('"+strings.Join(ids, "','")+"')")
	}
	return out
}

// stream is one of the queries being joined: its decoded rows up to the next
// page.
type stream struct {
	q       query
	path    string // of the next page, "" after the last
	on      cursor
	schema  *arrow.Schema
	stamped bool // column 1 is the stamp of the last change
	batches []arrow.RecordBatch
	row     int // in batches[0]
	got     int64
	total   int64
	last    string // Id of the last row fetched
	tries   int    // since then
}

// join reads the queries side by side, emits the rows on which all agree, and
// gives the Ids of the others. Rows that one query lacks are among those: they
// were made or deleted in between.
func (r *restReader) join(ctx context.Context, chunks []query, emit func(arrow.RecordBatch) error) (stale []string, err error) {
	streams := make([]*stream, len(chunks))
	for i, q := range chunks {
		streams[i] = &stream{q: q, path: q.path(r.t.src.api, q.soql()), schema: r.t.subset(q.fields, q.texts), stamped: r.t.CursorKey() != ""}
	}
	defer func() {
		for _, s := range streams {
			s.release()
		}
	}()
	for {
		if err := r.fill(ctx, streams); err != nil {
			return nil, err
		}
		if n := agreeing(streams); n > 0 {
			if err := r.emitJoined(streams, n, emit); err != nil {
				return nil, err
			}
			continue
		}
		id := lowest(streams)
		if id == "" {
			return unique(stale), nil
		}
		if !validName("i" + id) {
			return nil, &source.Error{Op: "query " + r.q.object, Err: fmt.Errorf("the org gave %q as an Id", id)}
		}
		stale = append(stale, id)
		for _, s := range streams {
			if s.id(0) == id {
				s.advance(1)
			}
		}
	}
}

// fill fetches the next page of every stream that has run dry.
func (r *restReader) fill(ctx context.Context, streams []*stream) error {
	group, gctx := errgroup.WithContext(ctx)
	for _, s := range streams {
		if len(s.batches) == 0 && s.path != "" {
			group.Go(func() error { return r.fillOne(gctx, s) })
		}
	}
	return group.Wait()
}

func (r *restReader) fillOne(ctx context.Context, s *stream) error {
	for len(s.batches) == 0 && s.path != "" {
		page, err := r.page(ctx, &s.on, s.path)
		if remedyOf(err) == onward && s.tries < maxStandstill {
			s.tries++
			rest := s.q
			rest.where = slices.Concat(rest.where, idRange{low: s.last, past: true}.where(s.q.fields[0]))
			s.path, s.got, s.on = rest.path(r.t.src.api, rest.soql()), 0, cursor{}
			continue
		}
		if err != nil {
			return err
		}
		b := newBatcher(r.q.object, s.schema, r.t.src.opt.Alloc, func(rec arrow.RecordBatch) error {
			if rec.Column(0).NullN() > 0 {
				return errors.New("a record came without an Id")
			}
			rec.Retain()
			s.batches = append(s.batches, rec)
			s.last, s.tries = lastID(rec, 0), 0
			return nil
		})
		rows, err := decodeJSON(page, b)
		r.t.src.api.room.give(page.records.b) // all of it is in b by now
		if err == nil {
			err = b.flush()
		}
		b.release()
		if err != nil {
			return named("query "+r.q.object, err)
		}
		s.got += rows
		s.total, s.path = page.Total, ""
		if !page.Done {
			if s.path, err = nextPath(page.Next); err != nil {
				return err
			}
		} else if s.got != s.total {
			return countError("query "+r.q.object, s.got, s.total)
		}
	}
	return nil
}

// agreeing counts how many rows from here on all streams have alike.
func agreeing(streams []*stream) int {
	for n := 0; ; n++ {
		for _, s := range streams {
			if !s.has(n) || s.id(n) != streams[0].id(n) || s.stamp(n) != streams[0].stamp(n) {
				return n
			}
		}
	}
}

// lowest is the smallest Id that any stream is at, "" when all have ended.
func lowest(streams []*stream) string {
	least := ""
	for _, s := range streams {
		if id := s.id(0); id != "" && (least == "" || id < least) {
			least = strings.Clone(id)
		}
	}
	return least
}

// has says whether row n from here is in the batch at hand.
func (s *stream) has(n int) bool {
	return len(s.batches) > 0 && int64(s.row+n) < s.batches[0].NumRows()
}

// id is the Id of row n from here, "" when it is not at hand.
func (s *stream) id(n int) string {
	if !s.has(n) {
		return ""
	}
	return s.batches[0].Column(0).(*array.String).Value(s.row + n)
}

// stamp is when row n from here was last changed; 0 when the object does not
// tell.
func (s *stream) stamp(n int) arrow.Timestamp {
	if !s.stamped {
		return 0
	}
	stamps := s.batches[0].Column(1).(*array.Timestamp)
	if stamps.IsNull(s.row + n) {
		return 0
	}
	return stamps.Value(s.row + n)
}

func (s *stream) advance(n int) {
	s.row += n
	if !s.has(0) {
		s.batches[0].Release()
		s.batches = s.batches[1:]
		s.row = 0
	}
}

func (s *stream) release() {
	for _, b := range s.batches {
		b.Release()
	}
	s.batches = nil
}

// emitJoined emits the next n rows, whose columns are views of the streams'.
func (r *restReader) emitJoined(streams []*stream, n int, emit func(arrow.RecordBatch) error) error {
	columns := make([]arrow.Array, r.schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for _, s := range streams {
		for i, name := range s.q.fields {
			at := r.schema.FieldIndices(name)
			if len(at) > 0 && columns[at[0]] == nil {
				columns[at[0]] = array.NewSlice(s.batches[0].Column(i), int64(s.row), int64(s.row+n))
			}
		}
	}
	if slices.Contains(columns, nil) {
		return errors.New("a column of the query is in none of its parts")
	}
	rec := array.NewRecordBatch(r.schema, columns, int64(n))
	defer rec.Release()
	for _, s := range streams {
		s.advance(n)
	}
	return emit(rec)
}

// unique sorts ids and drops doubles.
func unique(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
