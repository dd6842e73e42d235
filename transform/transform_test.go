package transform

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

// accounts is what most tests change: one row of each value, then nulls.
var accounts = arrow.NewSchema([]arrow.Field{
	{Name: "Id", Type: arrow.BinaryTypes.String},
	{Name: "Name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "Email__c", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "NumberOfEmployees", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "AnnualRevenue", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	{Name: "Active__c", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "Birthdate", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "SystemModstamp", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "CreatedDate", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "Opens__c", Type: arrow.FixedWidthTypes.Time64us, Nullable: true},
	{Name: "IsDeleted", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
}, nil)

const accountRows = `[
{"Id":"001A","Name":"  Ärger & Co ","Email__c":"john.doe@example.com","NumberOfEmployees":52300,"AnnualRevenue":1234.5,"Active__c":true,
 "Birthdate":"1990-05-15","SystemModstamp":"2026-03-01T08:00:00.123Z","CreatedDate":"2026-03-01T00:00:00Z","Opens__c":"08:30:00.5","IsDeleted":false},
{"Id":"001B"}]`

// batch reads rows of JSON into a batch of schema.
func batch(t testing.TB, alloc memory.Allocator, schema *arrow.Schema, rows string) arrow.RecordBatch {
	t.Helper()
	b, _, err := array.RecordFromJSON(alloc, schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// leakless is an allocator that fails the test when something stays behind.
func leakless(t *testing.T) memory.Allocator {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { alloc.AssertSize(t, 0) })
	return alloc
}

// loadOptions are what a load of accounts always says.
func loadOptions() Options {
	return Options{
		Object: "Account", Key: []string{"Id"}, Cursor: "SystemModstamp", Deleted: "IsDeleted",
		Getenv: func(name string) string {
			return map[string]string{MaskKey: "correct horse", "OTHER_KEY": "battery staple"}[name]
		},
	}
}

// changed applies opts to accountRows and gives the texts of a row, by field.
func changed(t *testing.T, opts Options, row int) map[string]string {
	t.Helper()
	alloc := leakless(t)
	opts.Alloc = alloc
	tr, err := New(accounts, opts)
	if err != nil {
		t.Fatal(err)
	}
	b := batch(t, alloc, accounts, accountRows)
	defer b.Release()
	out, err := tr.Apply(b)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	if !out.Schema().Equal(tr.Schema()) {
		t.Errorf("the batch has %s, announced was %s", out.Schema(), tr.Schema())
	}
	cells := map[string]string{}
	for i, f := range out.Schema().Fields() {
		cells[f.Name] = TypeName(f.Type) + " " + Text(out.Column(i), row)
		if out.Column(i).IsNull(row) {
			cells[f.Name] = TypeName(f.Type) + " null"
		}
	}
	return cells
}

func mustColumns(t testing.TB, text string) []Column {
	t.Helper()
	c, err := ParseColumns(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustMasks(t testing.TB, text string) []Mask {
	t.Helper()
	m, err := ParseMasks(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNothingAskedChangesNothing(t *testing.T) {
	tr, err := New(accounts, loadOptions())
	if err != nil {
		t.Fatal(err)
	}
	b := batch(t, memory.DefaultAllocator, accounts, accountRows)
	out, err := tr.Apply(b)
	if err != nil || !array.RecordEqual(b, out) || !tr.Schema().Equal(accounts) || len(tr.Columns()) > 0 {
		t.Errorf("%v %v", out, err)
	}
}

func TestTheStepsHaveAnOrder(t *testing.T) {
	opts := loadOptions()
	opts.Trim = true
	opts.Masks = mustMasks(t, "NAME:first_letter,annual_revenue:round:1000")
	opts.Columns = mustColumns(t, "annualrevenue:decimal(8,2),number_of_employees:text")
	opts.LoadedAt = time.Date(2026, 3, 2, 1, 2, 3, 0, time.FixedZone("", 3600))
	opts.Exclude = []string{"opens__c"}
	want := map[string]string{
		"Id": "text 001A", "Name": "text Ä*********", "Email__c": "text john.doe@example.com",
		"NumberOfEmployees": "text 52300", "AnnualRevenue": "decimal(8,2) 1000.00", "Active__c": "boolean true", "Birthdate": "date 1990-05-15",
		"SystemModstamp": "timestamp 2026-03-01T08:00:00.123000Z", "CreatedDate": "timestamp 2026-03-01T00:00:00.000000Z", "IsDeleted": "boolean false",
		LoadedAt: "timestamp 2026-03-02T00:02:03.000000Z",
	}
	if diff := cmp.Diff(want, changed(t, opts, 0)); diff != "" {
		t.Error(diff)
	}
	for field, cell := range changed(t, opts, 1) {
		if !strings.HasSuffix(cell, " null") && field != "Id" && field != LoadedAt {
			t.Errorf("%s was null and is %s", field, cell)
		}
	}
}

func TestFieldsOfTheLoadAreKept(t *testing.T) {
	opts := loadOptions()
	opts.Fields = []string{"name", "Birthdate"}
	names, err := Select(accounts, opts)
	if diff := cmp.Diff([]string{"Id", "Name", "Birthdate", "SystemModstamp", "IsDeleted"}, names); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestARenamedFieldKeepsItsNameAndTellsItsColumn(t *testing.T) {
	opts := loadOptions()
	opts.Columns = mustColumns(t, "title::Name,staff:double:number_of_employees,Email__c:text")
	tr, err := New(accounts, opts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"Name": "title", "NumberOfEmployees": "staff"}, tr.Columns()); diff != "" {
		t.Error(diff)
	}
	if tr.Schema().Field(1).Name != "Name" || TypeName(tr.Schema().Field(3).Type) != "double" {
		t.Errorf("%s", tr.Schema())
	}
}

func TestKeysAreMaskedAsInRows(t *testing.T) {
	alloc := leakless(t)
	opts := loadOptions()
	opts.Alloc, opts.Masks = alloc, mustMasks(t, "id:hmac")
	tr, err := New(accounts, opts)
	if err != nil {
		t.Fatal(err)
	}
	rows := batch(t, alloc, accounts, accountRows)
	defer rows.Release()
	keys := batch(t, alloc, arrow.NewSchema(accounts.Fields()[:1], nil), `[{"Id":"001A"},{"Id":"001B"}]`)
	defer keys.Release()
	a, err := tr.Apply(rows)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	b, err := tr.ApplyKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if !array.Equal(a.Column(0), b.Column(0)) || array.Equal(rows.Column(0), a.Column(0)) {
		t.Errorf("rows have %s, the list of keys %s", a.Column(0), b.Column(0))
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"rows are found by Id":                               func(o *Options) { o.Masks = mustMasks(t, "Id:redact") },
		"the load goes by SystemModstamp":                    func(o *Options) { o.Masks = mustMasks(t, "system_modstamp:year_only") },
		"--sql-exclude-columns: the load goes by Id":         func(o *Options) { o.Exclude = []string{"ID"} },
		"--columns id:bigint: the load goes by Id":           func(o *Options) { o.Columns = mustColumns(t, "id:bigint") },
		`--fields: Account has no field "Nam"`:               func(o *Options) { o.Fields = []string{"Nam"} },
		`--sql-exclude-columns: Account has no field "Nam"`:  func(o *Options) { o.Exclude = []string{"Nam"} },
		`--mask nam:hash: Account has no field "nam"`:        func(o *Options) { o.Masks = mustMasks(t, "nam:hash") },
		`Account has no field "nam"`:                         func(o *Options) { o.Columns = mustColumns(t, "title::nam") },
		"--mask names Name twice":                            func(o *Options) { o.Masks = mustMasks(t, "name:hash,NAME:md5") },
		"--columns names Name twice":                         func(o *Options) { o.Columns = mustColumns(t, "name:text,title::Name") },
		"puts both Name and Email__c into t":                 func(o *Options) { o.Columns = mustColumns(t, "t::Name,t::Email__c") },
		"which is the column of NumberOfEmployees":           func(o *Options) { o.Columns = mustColumns(t, "number_of_employees::Name") },
		"_sluice_loaded_at of its own":                       func(o *Options) { o.Columns = mustColumns(t, "_sluice_loaded_at::Name") },
		"--mask name:hash: Name is left out":                 func(o *Options) { o.Trim, o.Exclude, o.Masks = true, []string{"name"}, mustMasks(t, "name:hash") },
		"--columns t::Name: Name is left out":                func(o *Options) { o.Exclude, o.Columns = []string{"name"}, mustColumns(t, "t::Name") },
		"Active__c is boolean, which cannot become date":     func(o *Options) { o.Columns = mustColumns(t, "active__c:date") },
		"--mask name:round: Name is text":                    func(o *Options) { o.Masks = mustMasks(t, "name:round") },
		"--mask name:year_only: Name is text":                func(o *Options) { o.Masks = mustMasks(t, "name:year_only") },
		"the environment has no SLUICE_MASK_KEY":             func(o *Options) { o.Masks, o.Getenv = mustMasks(t, "birthdate:date_shift"), nil },
		"--mask name:hmac: the environment has no variable":  func(o *Options) { o.Masks = mustMasks(t, "name:hmac:s3cret") },
		"Account has a field _sluice_loaded_at of its own":   func(o *Options) { o.LoadedAt, o.Object = time.Unix(1, 0), "Account" },
		"Birthdate is date, which cannot become decimal(9,0": func(o *Options) { o.Columns = mustColumns(t, "birthdate:decimal(9)") },
	} {
		opts, schema := loadOptions(), accounts
		change(&opts)
		if !opts.LoadedAt.IsZero() {
			schema = arrow.NewSchema(append(accounts.Fields(), arrow.Field{Name: "_Sluice_Loaded_At", Type: arrow.BinaryTypes.String}), nil)
		}
		_, err := New(schema, opts)
		var e *Error
		if !errors.As(err, &e) || !e.Usage || e.Mend == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error()+e.Mend, "s3cret") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestAValueThatDoesNotFitIsNamed(t *testing.T) {
	alloc := leakless(t)
	opts := loadOptions()
	opts.Alloc, opts.Columns = alloc, mustColumns(t, "Opens__c:text,AnnualRevenue:decimal(5,1),Email__c:bigint")
	tr, err := New(accounts, opts)
	if err != nil {
		t.Fatal(err)
	}
	for rows, want := range map[string]string{
		`[{"Id":"001A"},{"Id":"001B","AnnualRevenue":1.25}]`:            "Account 001B: field AnnualRevenue holds 1.25, which is no decimal(5,1): it has 2 digits after the point",
		`[{"Id":"001C","Email__c":"x@y","Opens__c":"08:30:00.000000"}]`: `Account 001C: field Email__c holds "x@y", which is no bigint: it is not a whole number of 64 bits`,
	} {
		b := batch(t, alloc, accounts, rows)
		_, err := tr.Apply(b)
		b.Release()
		var e *Error
		if !errors.As(err, &e) || e.Usage || err.Error() != want || e.Hint() == "" {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
