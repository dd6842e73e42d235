package salesforce

import (
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"sluice/source"
)

// idRange is the rows whose Ids lie between two others. Ids never change, so
// that ranges which do not overlap never give a row twice, whatever happens in
// the org meanwhile.
type idRange struct {
	low, high string // "" is no bound; high is not in it
	past      bool   // nor is low
}

// where is the range as conditions on the field id.
func (a idRange) where(id string) (conditions []string) {
	switch {
	case a.low != "" && a.past:
		conditions = append(conditions, id+" > '"+a.low+"'")
	case a.low != "":
		conditions = append(conditions, id+" >= '"+a.low+"'")
	}
	if a.high != "" {
		conditions = append(conditions, id+" < '"+a.high+"'")
	}
	return conditions
}

// in narrows q to the range.
func (q query) in(a idRange, id string) query {
	q.where = slices.Concat(q.where, a.where(id))
	return q
}

// The bounds of going on and of splitting (P8).
const (
	maxStandstill = 3  // new queries one after the other that give no row
	maxSplits     = 64 // of one reading of a table
)

// readRanges reads the ranges one after the other. A query whose cursor dies
// goes on behind its last row, and one that is too large in two halves: in both
// cases with the rows that have not come yet, and those alone.
func (r *restReader) readRanges(ctx context.Context, emit func(arrow.RecordBatch) error) error {
	last := ""
	column := -1
	q := r.chunks[0]
	if q.order != "" {
		column = r.schema.FieldIndices(q.order)[0]
	}
	b := newBatcher(r.q.object, r.schema, r.t.src.opt.Alloc, func(rec arrow.RecordBatch) error {
		if column >= 0 {
			last = lastID(rec, column)
		}
		return emit(rec)
	})
	defer b.release()
	todo := slices.Clone(r.ranges)
	standstill, splits := 0, 0
	for len(todo) > 0 {
		at := todo[0]
		before := b.total
		err := r.readRange(ctx, q.in(at, q.order), b)
		if err == nil {
			todo, standstill = todo[1:], 0
			continue
		}
		do := remedyOf(err)
		if do != onward && do != split || q.order == "" {
			return err
		}
		if err := b.flush(); err != nil { // last is known now
			return named("", err)
		}
		if b.total > before {
			at, standstill = idRange{low: last, high: at.high, past: true}, 0
		} else if standstill++; standstill > maxStandstill && do == onward {
			return err
		}
		halves := []idRange{at}
		if do == split {
			if splits++; splits > maxSplits {
				return err
			}
			if halves, err = r.halve(ctx, at, err); err != nil {
				return err
			}
		}
		r.observe(source.Event{Phase: "reading " + r.q.object + " on from " + first(at.low, "its first row")})
		todo = slices.Concat(halves, todo[1:])
	}
	return named("", b.flush())
}

// readRange reads one query to its end and compares the counts (P2).
func (r *restReader) readRange(ctx context.Context, q query, b *batcher) error {
	first := r.first
	r.first = nil
	before, total := b.total, int64(-1)
	op := "query " + r.q.object
	err := r.pages(ctx, q.path(r.t.src.api, q.soql()), first, func(p queryPage) error {
		total = p.Total
		_, err := decodeJSON(p, b)
		r.t.src.api.room.give(p.records.b) // all of it is in b by now
		return named(op, damaged(op, err))
	})
	if err == nil && b.total-before != total {
		err = countError(op, b.total-before, total)
	}
	return err
}

// damaged marks an answer that is not the JSON of a query, and may be whole the
// next time.
func damaged(op string, err error) error {
	if !errors.Is(err, errJSON) {
		return err
	}
	return &source.Error{Op: op, Err: err, Again: true, Mend: "check that no proxy answers in the org's place"}
}

// lastID is the Id in the last row of a batch.
func lastID(rec arrow.RecordBatch, column int) string {
	ids := rec.Column(column).(*array.String)
	return strings.Clone(ids.Value(ids.Len() - 1))
}

// halve parts a range in the middle of the Ids that there are. Where it has no
// such middle, because it is down to one Id or the org does not tell, the fault
// stays what it is.
func (s *scan) halve(ctx context.Context, a idRange, fault error) ([]idRange, error) {
	low, high := a.low, a.high
	var err error
	if low == "" {
		low, err = s.edge(ctx, "ASC")
	}
	if high == "" && err == nil {
		high, err = s.edge(ctx, "DESC")
	}
	middle := middleID(low, high)
	if err != nil || middle == "" || middle[:15] == low[:15] {
		return nil, fault
	}
	return []idRange{{a.low, middle, a.past}, {middle, a.high, false}}, nil
}

// edge is the Id of the first or last row of the object; "" when it has none.
func (s *scan) edge(ctx context.Context, direction string) (string, error) {
	id := s.t.obj.field("Id")
	if id == nil {
		return "", nil
	}
	q := query{object: s.q.object, fields: []string{id.Name}, order: id.Name + " " + direction + " LIMIT 1", all: s.q.all}
	var answer struct {
		Records []struct {
			ID string `json:"Id"`
		} `json:"records"`
	}
	api := s.t.src.api
	if err := api.getJSON(ctx, "find an end of "+s.q.object, q.path(api, q.soql()), &answer); err != nil || len(answer.Records) == 0 {
		return "", err
	}
	return answer.Records[0].ID, nil
}

// The digits of an Id, in their order: Salesforce counts in base 62.
const idDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// middleID is an Id half-way between two, in 18 characters; "" when one of them
// is none.
func middleID(low, high string) string {
	a, okLow := idNumber(low)
	b, okHigh := idNumber(high)
	if !okLow || !okHigh || a.Cmp(b) >= 0 {
		return ""
	}
	n := a.Add(a, b)
	n.Rsh(n, 1)
	var text [15]byte
	base, digit := big.NewInt(int64(len(idDigits))), new(big.Int)
	for i := len(text) - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		text[i] = idDigits[digit.Int64()]
	}
	return string(text[:]) + idSuffix(text[:])
}

// idNumber is the value of the first 15 characters of an Id.
func idNumber(id string) (*big.Int, bool) {
	if len(id) != 15 && len(id) != 18 {
		return nil, false
	}
	n, base := new(big.Int), big.NewInt(int64(len(idDigits)))
	for _, c := range []byte(id[:15]) {
		digit := strings.IndexByte(idDigits, c)
		if digit < 0 {
			return nil, false
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(digit)))
	}
	return n, true
}

// idSuffix is what makes an Id of 15 characters one of 18, which no change of
// case can spoil: of each five characters, which are upper case.
func idSuffix(id []byte) string {
	var suffix [3]byte
	for block := range suffix {
		bits := 0
		for i, c := range id[block*5 : block*5+5] {
			if c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		suffix[block] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits]
	}
	return string(suffix[:])
}
