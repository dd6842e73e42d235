package fakeorg

import "strings"

func (o *Org) plan(text string, all bool) (*plan, *apiError) {
	words := strings.Fields(strings.ReplaceAll(text, ",", " "))
	i := 1
	for i < len(words) && !strings.EqualFold(words[i], "from") {
		i++
	}
	if i+2 != len(words) {
		return nil, badRequest("MALFORMED_QUERY", "unexpected token")
	}
	v := o.view(words[i+1])
	if v == nil {
		return nil, badRequest("INVALID_TYPE", "sObject type '"+words[i+1]+"' is not supported.")
	}
	p := &plan{view: v, all: all, limit: -1}
	for _, name := range words[1:i] {
		if strings.EqualFold(name, "count()") {
			p.countOnly = true
			continue
		}
		f := v.object.Field(name)
		if f == nil {
			return nil, badRequest("INVALID_FIELD", "No such column '"+name+"'")
		}
		p.columns = append(p.columns, column{name: f.Name, field: f})
	}
	return p, nil
}
func (o *Org) planBulk(text string, all bool) (*plan, *apiError) { return o.plan(text, all) }
