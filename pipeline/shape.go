package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
	"sluice/transform"
)

// setShape works out which fields are read, and what happens to them on their
// way to the table.
func (r *run) setShape(table source.Table) (err error) {
	opts := r.job.Transform
	opts.Object, opts.Key, opts.Cursor, opts.Deleted = table.Name(), r.plan.key, r.plan.cursor, r.plan.deleted
	if r.job.LoadTimestamp {
		opts.LoadedAt = r.started
	}
	names, err := transform.Select(table.Schema(), opts)
	if err != nil {
		return err
	}
	r.texts = transform.Texts(table.Schema(), opts)
	if r.shape, err = transform.New(readAsText(table.Schema(), r.texts), opts); err != nil {
		return err
	}
	r.plan.shape = r.shape.Fingerprint()
	if r.fields = nil; len(names) < table.Schema().NumFields() {
		r.fields = names
		r.shape = r.shape.Only(append(names, transform.LoadedAt))
	}
	return nil
}

// readAsText is the schema of the batches that a source gives of texts.
func readAsText(schema *arrow.Schema, texts []string) *arrow.Schema {
	fields := slices.Clone(schema.Fields())
	for i, f := range fields {
		if slices.Contains(texts, f.Name) {
			fields[i].Type = arrow.BinaryTypes.String
		}
	}
	meta := schema.Metadata()
	return arrow.NewSchema(fields, &meta)
}

// keepFields leaves the other fields of the load out.
func (r *run) keepFields(keep func(arrow.Field) bool) {
	var kept, read []string
	for _, f := range r.spec.Schema.Fields() {
		if !keep(f) {
			continue
		}
		kept = append(kept, f.Name)
		if f.Name != transform.LoadedAt {
			read = append(read, f.Name)
		}
	}
	r.shape, r.fields = r.shape.Only(kept), read
	r.spec.Schema = r.shape.Schema()
}

// columns is which field goes to which column, as far as the user or a state
// kept elsewhere says so.
func (r *run) columns() map[string]string {
	all := maps.Clone(r.kept.Columns)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, r.shape.Columns())
	return all
}

// sameColumns refuses new names for columns that earlier loads have filled: the
// table would have the field twice, and neither column whole.
func (r *run) sameColumns() error {
	for field, column := range r.shape.Columns() {
		if old, ok := r.plan.before.Columns[field]; ok && !strings.EqualFold(old, column) && !r.plan.before.Cursor.IsZero() {
			return badRequest(fmt.Sprintf("keep the name, or load into another table by --dest-table; in this one %s stays %s", field, old),
				"--columns puts %s into %s, but the table has it in %s", field, column, old)
		}
	}
	return nil
}

// tokenOf is the name under which what is staged of a scan can be used again:
// rows that were changed on their way are other rows.
func (r *run) tokenOf(scan source.Scan) string {
	token, mark := scan.Token(), r.shape.Fingerprint()
	if token == "" || mark == "" {
		return token
	}
	return token + shapeMark + mark
}

// bareToken is the scan's part of a token; empty when rows were changed in
// another way then.
func (r *run) bareToken(token string) string {
	bare, mark, _ := strings.Cut(token, shapeMark)
	if mark != r.shape.Fingerprint() {
		return ""
	}
	return bare
}

const shapeMark = " shape "
