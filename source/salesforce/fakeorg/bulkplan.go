package fakeorg

import (
	"slices"

	"sluice/source/salesforce/fakeorg/soql"
)

// planBulk understands a query for Bulk API 2.0, which takes less than REST
// does. Bulk API 2.0 Developer Guide, "SOQL Considerations".
func (o *Org) planBulk(text string, all bool) (*plan, *apiError) {
	q, err := parse(text)
	if err != nil {
		return nil, err
	}
	if v := o.view(q.From.Text); v != nil && !v.object.ghost {
		switch {
		case !v.object.Queryable:
			return nil, badRequest("INVALIDENTITY", "CustomEntity '"+v.object.Name+"' does not support query.")
		case !v.object.Bulk:
			return nil, badRequest("INVALIDENTITY", "Entity '"+v.object.Name+"' is not supported by the Bulk API.")
		}
	}
	if err := refuseInBulk(q); err != nil {
		return nil, err
	}
	p, err := o.bind(q, all)
	if err != nil {
		if o.restricted(err) {
			return nil, badRequest("API_ERROR", err.message)
		}
		return nil, err
	}
	return p, o.refuseTypes(p)
}

// refuseInBulk finds the parts of SOQL that Bulk leaves out.
func refuseInBulk(q *soql.Query) *apiError {
	for _, item := range q.Items {
		switch {
		case item.Aggregate():
			return badRequest("API_ERROR", "Aggregate functions not supported in Bulk Query")
		case item.Sub != nil:
			return badRequest("API_ERROR", "Aggregate Relationships not supported in Bulk Query")
		case item.TypeOf:
			return badRequest("API_ERROR", "TYPEOF not supported in Bulk Query")
		case item.Func == "FIELDS" && item.Field.Text != "STANDARD":
			return badRequest("MALFORMED_QUERY", "The SOQL FIELDS function is not supported with an unbounded set of fields in this API")
		}
	}
	switch {
	case len(q.GroupBy) > 0:
		return badRequest("API_ERROR", "GROUP BY not supported in Bulk Query")
	case q.Offset >= 0:
		return badRequest("API_ERROR", "OFFSET not supported in Bulk Query")
	}
	return nil
}

// restricted recognises the refusal of an object that wants a filter.
func (o *Org) restricted(err *apiError) bool {
	const start = "Implementation restriction"
	return len(err.message) > len(start) && err.message[:len(start)] == start
}

// refuseTypes finds selected fields whose values do not fit into CSV.
func (o *Org) refuseTypes(p *plan) *apiError {
	if slices.ContainsFunc(p.columns, func(c column) bool { return c.meta.compound() }) {
		code := o.knob().CompoundErrorCode
		if code == "" {
			code = "API_ERROR"
		}
		return badRequest(code, "Selecting compound data not supported in Bulk Query")
	}
	if slices.ContainsFunc(p.columns, func(c column) bool { return c.meta.Type == "base64" }) {
		return badRequest("API_ERROR", "Selecting binary data not supported in Bulk Query")
	}
	return nil
}
