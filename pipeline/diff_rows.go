package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"sluice/destination"
	"sluice/source"
	"sluice/transform"
)

// findings are the rows that differ: all counted, some listed.
type findings struct {
	counts map[Kind]int64
	rows   map[Kind][]suspect
	kept   int64
	seen   int64 // rows of the source that were compared
}

// suspect is a row that differs, with the values of the source as they were
// compared; none for a row that only one end has.
type suspect struct {
	RowDifference
	values []destination.Value
}

func newFindings() findings {
	return findings{counts: map[Kind]int64{}, rows: map[Kind][]suspect{}}
}

func (f *findings) add(most int, s suspect) {
	f.counts[s.Kind]++
	if len(f.rows[s.Kind]) < most {
		s.values = slices.Clone(s.values)
		f.rows[s.Kind] = append(f.rows[s.Kind], s)
	}
}

// merge takes in what a part held.
func (f *findings) merge(most int, o findings) {
	for kind, n := range o.counts {
		f.counts[kind] += n
		f.rows[kind] = append(f.rows[kind], o.rows[kind][:min(len(o.rows[kind]), max(0, most-len(f.rows[kind])))]...)
	}
	f.kept, f.seen = f.kept+o.kept, f.seen+o.seen
}

// total counts the rows of all kinds.
func (f *findings) total() (n int64) {
	for _, rows := range f.counts {
		n += rows
	}
	return n
}

// listed are the rows, kind by kind, true differences first.
func (f *findings) listed() (rows []RowDifference) {
	for _, kind := range Kinds {
		for _, s := range f.rows[kind] {
			rows = append(rows, s.RowDifference)
		}
	}
	return rows
}

// held is what is known of a row of the table while its stretch is compared.
type held struct {
	row     uint64 // its mark
	stamp   int64  // Unix microseconds; noCursor for none
	seen    bool   // the source has it
	deleted bool   // by its own word
}

// compareStretch compares all rows of a stretch: those of the table are read
// first, as marks, then those of the source go by.
func (c *comparison) compareStretch(ctx context.Context, s stretch) error {
	found := newFindings()
	rows, err := c.hold(ctx, s.span, &found)
	if err != nil {
		return err
	}
	if err := c.scan(ctx, s.span, rows, &found); err != nil {
		return err
	}
	if err := c.unseen(ctx, s.span, rows, &found); err != nil {
		return err
	}
	if found.total() == 0 {
		for i := range s.months {
			s.months[i].why = nil
		}
	}
	if err := c.explain(ctx, found.rows); err != nil {
		return err
	}
	c.rows += found.seen
	c.found.merge(c.options.Most, found)
	return nil
}

// selection reads columns of the rows of a span.
func (c *comparison) selection(span destination.Span, columns []string) destination.Selection {
	s := destination.Selection{Columns: columns}
	if c.outline.Clock != "" {
		s.Clock, s.Spans = c.outline.Clock, []destination.Span{span}
	}
	return s
}

// hold reads the rows of the table, as marks. A key that comes twice is surplus.
func (c *comparison) hold(ctx context.Context, span destination.Span, found *findings) (map[mark]held, error) {
	columns := []string{c.column(c.id)}
	stamp, deleted := -1, -1
	for i, f := range c.compared {
		columns = append(columns, c.column(f.Name))
		switch f.Name {
		case c.stamp:
			stamp = i
		case c.deleted:
			deleted = i
		}
	}
	rows := map[mark]held{}
	err := c.table.Rows(ctx, c.selection(span, columns), func(row []destination.Value) error {
		values := row[1:]
		c.canonicalise(values)
		h := held{row: c.marks.row(values), stamp: noCursor, deleted: deleted >= 0 && values[deleted].Text == "true"}
		if stamp >= 0 && !values[stamp].Null {
			if at, ok := parseMoment(values[stamp].Text); ok {
				h.stamp = at.UnixMicro()
			}
		}
		key := c.marks.key(row[0].Text)
		if _, double := rows[key]; double {
			found.add(c.options.Most, suspect{RowDifference: RowDifference{Kind: Surplus, ID: row[0].Text, Changed: h.changed(), Why: "the table has it more than once"}})
			return nil
		}
		rows[key] = h
		return nil
	})
	return rows, err
}

func (h held) changed() time.Time {
	if h.stamp == noCursor {
		return time.Time{}
	}
	return time.UnixMicro(h.stamp).UTC()
}

// canonicalise makes the values of the compared fields comparable.
func (c *comparison) canonicalise(values []destination.Value) {
	for i, f := range c.compared {
		if !values[i].Null {
			values[i].Text = canonical(f.Type, isJSON(c.columns[f.Name].Type), values[i].Text)
		}
	}
}

// scan reads the rows of the source and compares each with the table's.
func (c *comparison) scan(ctx context.Context, span destination.Span, rows map[mark]held, found *findings) error {
	request := source.Request{
		CursorKey: c.totals.Clock, From: span.From, To: span.To, Where: c.where,
		Fields: c.run.fields, Texts: c.run.texts, WithDeleted: c.deleted != "", Observe: c.run.observe,
	}
	if !c.before.Cursor.IsZero() && c.treats != IgnoreDeleted {
		since := c.before.Covered
		if since.IsZero() {
			since = c.before.Cursor
		}
		request.Track, request.GoneSince = true, since.Add(-c.run.job.Lookback)
	}
	scan, err := c.source.Scan(ctx, request)
	if err != nil {
		return err
	}
	defer func() { c.run.warnAbout(c.run.cleanUp(ctx, "end the job in the org", scan.Close)) }()
	err = c.run.eachPart(ctx, scan, func(part source.Part) error {
		of := newFindings()
		err := part.Read(ctx, func(b arrow.RecordBatch) error { return c.batch(b, rows, &of) })
		if err == nil {
			found.merge(c.options.Most, of)
		}
		return err
	})
	if err != nil || !request.Track {
		return err
	}
	return scan.Gone(ctx, func(b arrow.RecordBatch) error { return c.gone(b, rows, found) })
}

// batch compares rows of the source.
func (c *comparison) batch(b arrow.RecordBatch, rows map[mark]held, found *findings) error {
	b, err := c.shape.Apply(b)
	if err != nil {
		return err
	}
	defer b.Release()
	column := func(name string) arrow.Array {
		for _, i := range b.Schema().FieldIndices(name) {
			return b.Column(i)
		}
		return nil
	}
	compared := make([]arrow.Array, len(c.compared))
	for i, f := range c.compared {
		compared[i] = column(f.Name)
	}
	id := column(c.id)
	stamps, _ := column(c.stamp).(*array.Timestamp)
	deleted, _ := column(c.deleted).(*array.Boolean)
	values := make([]destination.Value, len(compared))
	for row := range int(b.NumRows()) {
		for i, a := range compared {
			values[i] = destination.Value{Text: transform.Text(a, row), Null: a.IsNull(row)}
		}
		c.canonicalise(values)
		s := suspect{RowDifference: RowDifference{ID: transform.Text(id, row)}, values: values}
		if stamps != nil && stamps.IsValid(row) {
			s.Changed = time.UnixMicro(int64(stamps.Value(row))).UTC()
		}
		c.judge(s, deleted != nil && deleted.IsValid(row) && deleted.Value(row), rows, found)
	}
	return nil
}

// judge compares one row of the source with the table's.
func (c *comparison) judge(s suspect, deleted bool, rows map[mark]held, found *findings) {
	key := c.marks.key(s.ID)
	h, there := rows[key]
	if there {
		h.seen = true
		rows[key] = h
	}
	if deleted && c.treats != KeepDeleted {
		switch {
		case !there:
		case c.treats == IgnoreDeleted:
			found.kept++
		case c.pending(s.Changed):
			c.note(found, s, Deleted)
		default:
			s.Why = "the org has deleted it"
			c.note(found, s, Surplus)
		}
		return
	}
	found.seen++
	pending := c.pending(s.Changed)
	switch {
	case !there && pending:
		c.note(found, s, New)
	case !there:
		c.note(found, s, Missing)
	case h.row == c.marks.row(s.values):
	case pending && h.stamp != s.Changed.UnixMicro():
		found.add(c.options.Most, withKind(s, Changed))
	default:
		found.add(c.options.Most, withKind(s, Different))
	}
}

// note adds a row that one end alone has.
func (c *comparison) note(found *findings, s suspect, k Kind) {
	s.values = nil
	found.add(c.options.Most, withKind(s, k))
}

func withKind(s suspect, k Kind) suspect {
	s.Kind = k
	return s
}

// pending says whether the source changed a row after the table was loaded, so
// that the next run brings it.
func (c *comparison) pending(changed time.Time) bool {
	if c.cursor.IsZero() || changed.IsZero() {
		return false
	}
	return changed.After(c.cursor) || !c.strict && changed.Equal(c.cursor)
}

// gone takes in the keys of rows that were erased since the last run.
func (c *comparison) gone(b arrow.RecordBatch, rows map[mark]held, found *findings) error {
	b, err := c.shape.ApplyKeys(b)
	if err != nil {
		return err
	}
	defer b.Release()
	for row := range int(b.NumRows()) {
		id := transform.Text(b.Column(0), row)
		key := c.marks.key(id)
		h, there := rows[key]
		if !there || h.seen {
			continue
		}
		h.seen = true
		rows[key] = h
		if c.treats != KeepDeleted {
			c.note(found, suspect{RowDifference: RowDifference{ID: id, Changed: h.changed()}}, Deleted)
		}
	}
	return nil
}

// unseen tells of the rows that the table alone has. Their ids are read once
// more: only their marks are kept.
func (c *comparison) unseen(ctx context.Context, span destination.Span, rows map[mark]held, found *findings) error {
	maps.DeleteFunc(rows, func(_ mark, h held) bool { return h.seen || h.deleted && c.treats == KeepDeleted })
	if c.treats == IgnoreDeleted {
		found.kept += int64(len(rows))
		return nil
	}
	if len(rows) == 0 {
		return nil
	}
	if c.where != "" {
		c.run.warn("surplus rows may be such that no longer meet the condition: the next run that merges removes those")
	}
	return c.table.Rows(ctx, c.selection(span, []string{c.column(c.id)}), func(row []destination.Value) error {
		key := c.marks.key(row[0].Text)
		if h, ok := rows[key]; ok {
			delete(rows, key)
			c.note(found, suspect{RowDifference: RowDifference{ID: row[0].Text, Changed: h.changed()}}, Surplus)
		}
		return nil
	})
}

// explain finds the fields in which listed rows differ.
func (c *comparison) explain(ctx context.Context, listed map[Kind][]suspect) error {
	rows := map[string]*suspect{}
	for _, kind := range []Kind{Different, Changed} {
		for i := range listed[kind] {
			s := &listed[kind][i]
			rows[s.ID] = s
		}
	}
	if len(rows) == 0 {
		return nil
	}
	columns := []string{c.column(c.id)}
	for _, f := range c.compared {
		columns = append(columns, c.column(f.Name))
	}
	selection := destination.Selection{Columns: columns, Key: columns[0], Keys: slices.Sorted(maps.Keys(rows))}
	return c.table.Rows(ctx, selection, func(row []destination.Value) error {
		s := rows[row[0].Text]
		if s == nil || s.Fields != nil {
			return nil
		}
		values := row[1:]
		c.canonicalise(values)
		for i, f := range c.compared {
			if values[i] != s.values[i] {
				s.Fields = append(s.Fields, FieldDifference{f.Name, textOrNil(s.values[i]), textOrNil(values[i])})
			}
		}
		return nil
	})
}

func textOrNil(v destination.Value) *string {
	if v.Null {
		return nil
	}
	return &v.Text
}
