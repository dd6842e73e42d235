package salesforce

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/source"
)

// clockFields are the datetimes that never change once a row is there, best
// first.
var clockFields = []string{"CreatedDate", "LoginTime"}

// maxSums is how many numbers are added up: a query has to fit into an address.
const maxSums = 20

// Totals implements [source.Table] by one aggregate query. It asks for the first
// and the last moment of each month, as CALENDAR_MONTH may reckon in the user's
// time zone or in UTC: who compares goes by those moments, not by the calendar.
func (t *table) Totals(ctx context.Context, r source.Request) (source.Totals, error) {
	q, err := t.query(r)
	if err != nil {
		return source.Totals{}, err
	}
	totals := t.adds(q.fields)
	answer, err := t.aggregate(ctx, q, totals)
	if err != nil {
		return source.Totals{}, err
	}
	for _, row := range answer {
		total, err := row.total(len(totals.Sums))
		if err != nil {
			return source.Totals{}, &source.Error{Op: "add up " + t.obj.Name, Err: err}
		}
		totals.Months = append(totals.Months, total)
	}
	slices.SortFunc(totals.Months, func(a, b source.Total) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Year, b.Year), cmp.Compare(a.Month, b.Month))
	})
	return totals, nil
}

// adds decides what is added up of some fields.
func (t *table) adds(fields []string) (totals source.Totals) {
	usable := func(name string) *field {
		if f := t.obj.field(name); f != nil && f.Aggregatable && slices.Contains(fields, f.Name) {
			return f
		}
		return nil
	}
	for _, name := range clockFields {
		if f := usable(name); f.isCursor() && totals.Clock == "" {
			totals.Clock = f.Name
		}
	}
	if f := usable(t.CursorKey()); f != nil {
		totals.Cursor = f.Name
	}
	for _, name := range fields {
		f := usable(name)
		if f == nil || f.Calculated || len(totals.Sums) == maxSums {
			continue
		}
		switch f.Type {
		case "int", "double", "percent":
			totals.Sums = append(totals.Sums, f.Name)
		case "currency":
			// With several currencies the org converts before it adds.
			if t.obj.field("CurrencyIsoCode") == nil {
				totals.Sums = append(totals.Sums, f.Name)
			}
		}
	}
	return totals
}

// totalsSOQL asks for the sums of q by month.
func (q query) totalsSOQL(totals source.Totals) string {
	items, group := []string{"COUNT(Id) rowCount"}, ""
	if c := totals.Clock; c != "" {
		year, month := "CALENDAR_YEAR("+c+")", "CALENDAR_MONTH("+c+")"
		items = append(items, year+" yearOf", month+" monthOf", "MIN("+c+") firstAt", "MAX("+c+") lastAt")
		group = " GROUP BY " + year + ", " + month
	}
	if totals.Cursor != "" {
		items = append(items, "MAX("+totals.Cursor+") newestAt")
	}
	for i, name := range totals.Sums {
		items = append(items, fmt.Sprintf("SUM(%s) sum%d", name, i))
	}
	return "SELECT " + strings.Join(items, ", ") + q.tail() + group
}

// totalRow is one record of the answer.
type totalRow map[string]json.RawMessage

func (t *table) aggregate(ctx context.Context, q query, totals source.Totals) ([]totalRow, error) {
	op, api := "add up "+t.obj.Name, t.src.api
	var answer struct {
		Done    bool       `json:"done"`
		Total   int64      `json:"totalSize"`
		Records []totalRow `json:"records"`
	}
	if err := api.getJSON(ctx, op, q.path(api, q.totalsSOQL(totals)), &answer); err != nil {
		return nil, err
	}
	if got := int64(len(answer.Records)); !answer.Done || got != answer.Total { // P2
		return nil, countError(op, got, answer.Total)
	}
	return answer.Records, nil
}

func (r totalRow) total(sums int) (total source.Total, err error) {
	total.Sums = make([]float64, sums)
	into := map[string]any{"rowCount": &total.Rows, "yearOf": &total.Year, "monthOf": &total.Month}
	for i := range sums {
		into[fmt.Sprintf("sum%d", i)] = &total.Sums[i]
	}
	for name, v := range into {
		if text, ok := r[name]; ok {
			if err := json.Unmarshal(text, v); err != nil {
				return total, fmt.Errorf("the org gave %s as %s", excerpt(text), name)
			}
		}
	}
	for name, at := range map[string]*time.Time{"firstAt": &total.First, "lastAt": &total.Last, "newestAt": &total.Newest} {
		var text string
		if err := json.Unmarshal(r[name], &text); r[name] == nil || err == nil && text == "" {
			continue
		}
		micros, err := parseStamp([]byte(text))
		if err != nil {
			return total, fmt.Errorf("the org gave %s as %s", excerpt(r[name]), name)
		}
		*at = time.UnixMicro(micros).UTC()
	}
	return total, nil
}
