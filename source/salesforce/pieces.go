package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice/source"
)

// piecesReader reads by Bulk what one job is too small for: a job for each
// range of Ids, one after the other, each range halved again until it passes.
type piecesReader struct {
	scan   *scan
	todo   []idRange // the first is that of current
	splits int
	now    *bulkReader // nil between two ranges
	handed bool        // a part of now is out
	done   []*bulkReader
}

// startPieces parts the whole query, because of a fault that says it is too
// large.
func startPieces(ctx context.Context, s *scan, fault error) (reader, error) {
	id := s.t.obj.field("Id")
	if id == nil || !id.Filterable || !id.Sortable {
		return nil, fault
	}
	halves, err := s.halve(ctx, idRange{}, fault)
	if err != nil {
		return nil, err
	}
	s.observe(source.Event{Warning: fmt.Sprintf("%s is read in parts by Id, because the org finds it too large for one query: %s", s.q.object, errors.Unwrap(fault))})
	s.plan.Reason += "; in parts by Id"
	return &piecesReader{scan: s, todo: halves, splits: 1}, nil
}

// next hands out the parts of one job after those of another.
func (p *piecesReader) next(ctx context.Context) (source.Part, error) {
	for {
		if p.now == nil && len(p.todo) == 0 {
			return nil, io.EOF
		}
		part, err := p.nextOfNow(ctx)
		switch {
		case err == nil:
			p.handed = true
			return &piece{part, p.now.job.ID}, nil
		case err == io.EOF: //nolint:errorlint // a broken connection may wrap io.EOF, and is no end
			p.end()
			p.todo = p.todo[1:]
		case remedyOf(err) == split && !p.handed && p.splits < maxSplits:
			p.splits++
			halves, err := p.scan.halve(ctx, p.todo[0], err)
			if err != nil {
				return nil, err
			}
			p.end()
			p.todo = slices.Concat(halves, p.todo[1:])
		default:
			return nil, err
		}
	}
}

// nextOfNow is the next part of the job at hand, which it starts if need be.
func (p *piecesReader) nextOfNow(ctx context.Context) (source.Part, error) {
	if p.now == nil {
		s := p.scan
		started, err := startBulk(ctx, &scan{
			t: s.t, q: s.q.in(p.todo[0], s.t.obj.field("Id").Name), schema: s.schema, observe: s.observe, plan: source.Plan{Rows: -1},
		})
		if err != nil {
			return nil, err
		}
		p.now = started.(*bulkReader)
	}
	return p.now.next(ctx)
}

func (p *piecesReader) end() {
	if p.now != nil {
		p.done = append(p.done, p.now)
	}
	p.now, p.handed = nil, false
}

func (p *piecesReader) rows() int64 { return p.scan.plan.Rows }

// verify compares the counts of every job (P2); one that failed gave no rows.
func (p *piecesReader) verify() error {
	for _, b := range p.done {
		if b.job.State == jobFailed {
			continue
		}
		if err := b.verify(); err != nil {
			return err
		}
	}
	return nil
}

func (p *piecesReader) close(ctx context.Context) error {
	p.end()
	var all error
	for _, b := range p.done {
		all = errors.Join(all, b.close(ctx))
	}
	return all
}

// piece is a part of one job among several, whose names may be the same.
type piece struct {
	source.Part
	job string
}

func (p *piece) Name() string { return p.job + p.Part.Name() }
