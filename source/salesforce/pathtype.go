package salesforce

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
)

// TypesOf tells what the fields at the end of paths are as columns: each path is
// names of parents of an object and the name of a field, as in Owner.Name. Every
// object that a path leads through is described once. Addresses and the like,
// which are no columns, are text.
func (s *Source) TypesOf(ctx context.Context, from string, paths [][]string) ([]arrow.DataType, error) {
	described := map[string]*object{}
	types := make([]arrow.DataType, len(paths))
	for i, path := range paths {
		t, err := s.typeOf(ctx, from, path, described)
		if err != nil {
			return nil, err
		}
		types[i] = t
	}
	return types, nil
}

func (s *Source) typeOf(ctx context.Context, name string, path []string, described map[string]*object) (arrow.DataType, error) {
	o := described[name]
	if o == nil {
		var err error
		if o, err = s.describe(ctx, name); err != nil {
			return nil, err
		}
		described[name] = o
	}
	if len(path) == 1 {
		f := o.field(path[0])
		if f == nil {
			return nil, &source.Error{
				Kind: source.BadRequest, Err: fmt.Errorf("%s has no field %q", o.Name, path[0]), Mend: "see its fields with `sluice describe`",
			}
		}
		return arrowTypes[kinds[f.Type]], nil
	}
	at := slices.IndexFunc(o.Fields, func(f field) bool { return strings.EqualFold(f.Relationship, path[0]) })
	switch {
	case at < 0:
		return nil, &source.Error{
			Kind: source.BadRequest, Err: fmt.Errorf("%s has no parent %q", o.Name, path[0]), Mend: "a parent is called as its field without Id, or with __r in the place of __c",
		}
	case len(o.Fields[at].ReferenceTo) == 1:
		return s.typeOf(ctx, o.Fields[at].ReferenceTo[0], path[1:], described)
	case strings.EqualFold(path[len(path)-1], "IsActive"):
		return arrow.FixedWidthTypes.Boolean, nil
	}
	// Of a parent that may be of several objects, a query knows the fields of
	// Name alone, which are texts but for that one.
	return arrow.BinaryTypes.String, nil
}
