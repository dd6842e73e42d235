package transform

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"
)

func TestRowsStagedByAnotherTransformAreToldApart(t *testing.T) {
	seen := map[string]string{}
	for name, change := range map[string]func(*Options){
		"nothing":      func(*Options) {},
		"hash":         func(o *Options) { o.Masks = mustMasks(t, "name:hash") },
		"md5":          func(o *Options) { o.Masks = mustMasks(t, "name:md5") },
		"other field":  func(o *Options) { o.Masks = mustMasks(t, "email__c:md5") },
		"partial":      func(o *Options) { o.Masks = mustMasks(t, "name:partial") },
		"partial:3":    func(o *Options) { o.Masks = mustMasks(t, "name:partial:3") },
		"fixed":        func(o *Options) { o.Masks = mustMasks(t, "name:fixed:a") },
		"fixed b":      func(o *Options) { o.Masks = mustMasks(t, "name:fixed:b") },
		"hmac":         func(o *Options) { o.Masks = mustMasks(t, "name:hmac") },
		"other secret": func(o *Options) { o.Masks = mustMasks(t, "name:hmac:OTHER_KEY") },
		"trim":         func(o *Options) { o.Trim = true },
		"type":         func(o *Options) { o.Columns = mustColumns(t, "annual_revenue:text") },
	} {
		opts := loadOptions()
		change(&opts)
		tr, err := New(accounts, opts)
		if err != nil {
			t.Fatal(err)
		}
		print := tr.Fingerprint()
		if other, ok := seen[print]; ok {
			t.Errorf("%s and %s are both %q", name, other, print)
		}
		seen[print] = name
		opts.LoadedAt = time.Now()
		if again, err := New(accounts, opts); err != nil || again.Fingerprint() != print {
			t.Errorf("%s: %q, then %q %v", name, print, again.Fingerprint(), err)
		}
	}
	if seen[""] != "nothing" {
		t.Errorf("%v", seen)
	}
}

func TestSomeFieldsAreChangedAsAllAre(t *testing.T) {
	alloc := leakless(t)
	opts := loadOptions()
	opts.Alloc, opts.Masks, opts.Columns = alloc, mustMasks(t, "id:hash,name:stars"), mustColumns(t, "annualrevenue:text")
	opts.LoadedAt, opts.Exclude = time.Unix(7, 0), []string{"Email__c"}
	all, err := New(accounts, opts)
	if err != nil {
		t.Fatal(err)
	}
	rows := batch(t, alloc, accounts, accountRows)
	defer rows.Release()
	whole, err := all.Apply(rows)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Release()
	for _, names := range [][]string{{"AnnualRevenue", "Id", "Name"}, {"Id", LoadedAt}} {
		some := all.Only(names)
		part := batch(t, alloc, some.in, accountRows)
		got, err := some.Apply(part)
		part.Release()
		if err != nil {
			t.Fatal(err)
		}
		var fields []string
		for i, f := range got.Schema().Fields() {
			fields = append(fields, f.Name)
			if !array.Equal(got.Column(i), whole.Column(whole.Schema().FieldIndices(f.Name)[0])) {
				t.Errorf("%s differs", f.Name)
			}
		}
		if diff := cmp.Diff(names, fields); diff != "" {
			t.Error(diff)
		}
		got.Release()
	}
}
