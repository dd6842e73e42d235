package salesforce

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
)

// totals are those of an object, in one call.
func (w *world) totals(object string, r source.Request) source.Totals {
	w.t.Helper()
	s, err := w.open(w.token(), w.options(memory.NewGoAllocator()))
	if err != nil {
		w.t.Fatal(err)
	}
	tab, err := s.Table(w.t.Context(), object)
	if err != nil {
		w.t.Fatal(err)
	}
	before := s.Usage().Calls
	totals, err := tab.Totals(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	if calls := s.Usage().Calls - before; calls != 1 {
		w.t.Errorf("it took %d calls", calls)
	}
	return totals
}

func TestTotalsByMonthAreTheRows(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Account": 500}})
	for _, east := range []int{0, -8, 13} {
		w.Set(func(k *fakeorg.Knobs) { k.Zone = time.FixedZone("", east*3600) })
		totals := w.totals("Account", source.Request{})
		if totals.Clock != "CreatedDate" || totals.Cursor != "SystemModstamp" || !strings.Contains(strings.Join(totals.Sums, " "), "AnnualRevenue") {
			t.Fatalf("totals go by %+v", totals)
		}
		var rows int64
		sums := make([]float64, len(totals.Sums))
		var last, newest time.Time
		for _, m := range totals.Months {
			if !m.First.After(last) || m.Last.Before(m.First) {
				t.Errorf("%d-%d: from %s to %s, after %s", m.Year, m.Month, m.First, m.Last, last)
			}
			if local := m.First.In(time.FixedZone("", east*3600)); local.Year() != m.Year || int(local.Month()) != m.Month {
				t.Errorf("%s is in %d-%d", local, m.Year, m.Month)
			}
			for i := range sums {
				sums[i] += m.Sums[i]
			}
			rows, last = rows+m.Rows, m.Last
			if m.Newest.After(newest) {
				newest = m.Newest
			}
		}
		want := make([]float64, len(sums))
		var latest time.Time
		for row := range w.Rows("Account") {
			for i, name := range totals.Sums {
				switch v := row.Value(name).(type) {
				case float64:
					want[i] += v
				case int64:
					want[i] += float64(v)
				}
			}
			if at := row.Value("SystemModstamp").(time.Time); at.After(latest) {
				latest = at
			}
		}
		if live := w.Count("Account"); rows != int64(live) || !newest.Equal(latest) {
			t.Errorf("%d rows up to %s, want %d up to %s", rows, newest, live, latest)
		}
		for i := range want {
			if d := sums[i] - want[i]; d > 1 || d < -1 {
				t.Errorf("%s: %f, want %f", totals.Sums[i], sums[i], want[i])
			}
		}
	}
}

func TestTotalsWithoutAClockAreOne(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Account": 3}})
	totals := w.totals("Account", source.Request{Fields: []string{"Id", "NumberOfEmployees"}, Where: "Name != null"})
	if totals.Clock != "" || totals.Cursor != "" || len(totals.Months) != 1 || totals.Months[0].Rows != 3 {
		t.Errorf("totals are %+v", totals)
	}
	if none := w.totals("Account", source.Request{Where: "Name = 'nobody'"}); len(none.Months) != 0 {
		t.Errorf("totals of no row are %+v", none)
	}
}

func TestTotalsAskForWhatSalesforceCanAddUp(t *testing.T) {
	o := &object{Name: "Deal__c", Fields: []field{
		{Name: "Id", Type: "id", Aggregatable: true},
		{Name: "CreatedDate", Type: "datetime", Filterable: true, Aggregatable: true},
		{Name: "SystemModstamp", Type: "datetime", Filterable: true, Aggregatable: true},
		{Name: "Amount__c", Type: "currency", Aggregatable: true},
		{Name: "Size__c", Type: "double", Aggregatable: true},
		{Name: "Formula__c", Type: "double", Calculated: true, Aggregatable: true},
		{Name: "Hidden__c", Type: "double"},
		{Name: "Name", Type: "string", Aggregatable: true},
	}}
	soql := func(fields ...string) string {
		tab := newTable(nil, o, source.Known{})
		q, err := tab.query(source.Request{Fields: fields, Where: "Size__c > 1"})
		if err != nil {
			t.Fatal(err)
		}
		return q.totalsSOQL(tab.adds(q.fields))
	}
	want := "SELECT COUNT(Id) rowCount, CALENDAR_YEAR(CreatedDate) yearOf, CALENDAR_MONTH(CreatedDate) monthOf, MIN(CreatedDate) firstAt, MAX(CreatedDate) lastAt, " +
		"MAX(SystemModstamp) newestAt, SUM(Amount__c) sum0, SUM(Size__c) sum1 FROM Deal__c WHERE (Size__c > 1) GROUP BY CALENDAR_YEAR(CreatedDate), CALENDAR_MONTH(CreatedDate)"
	if diff := cmp.Diff(want, soql()); diff != "" {
		t.Error(diff)
	}
	if got := soql("Id", "Name"); got != "SELECT COUNT(Id) rowCount FROM Deal__c WHERE (Size__c > 1)" {
		t.Errorf("without a clock: %s", got)
	}
	o.Fields = append(o.Fields, field{Name: "CurrencyIsoCode", Type: "picklist"})
	if got := soql(); strings.Contains(got, "Amount__c)") {
		t.Errorf("amounts of several currencies are added up: %s", got)
	}
}
