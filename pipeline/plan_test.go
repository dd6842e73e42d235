package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
	"sluice/state"
)

// described is a table that is only described, never read.
type described struct {
	key              []string
	cursor, strategy string
}

func (described) Name() string { return "Account" }
func (described) Schema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		{Name: "Id", Type: arrow.BinaryTypes.String},
		{Name: "External_Id__c", Type: arrow.BinaryTypes.String},
		{Name: "IsDeleted", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "CreatedDate", Type: arrow.FixedWidthTypes.Timestamp_us},
		{Name: "SystemModstamp", Type: arrow.FixedWidthTypes.Timestamp_us},
	}, nil)
}
func (d described) Key() []string     { return d.key }
func (d described) Strategy() string  { return d.strategy }
func (d described) CursorKey() string { return d.cursor }
func (described) DeletedKey() string  { return "IsDeleted" }
func (described) Derived() []string   { return nil }
func (described) Scan(context.Context, source.Request) (source.Scan, error) {
	return nil, errors.New("not read here")
}

func (described) Totals(context.Context, source.Request) (source.Totals, error) {
	return source.Totals{}, errors.New("not read here")
}

func (described) Estimate(context.Context, source.Request) (source.Estimate, error) {
	return source.Estimate{}, errors.New("not read here")
}

var account = described{[]string{"Id"}, "SystemModstamp", "merge"}

// at is a moment of the day that these tests play on.
func at(clock string) time.Time {
	t, err := time.Parse(time.RFC3339, "2026-05-01T"+clock+"Z")
	if err != nil {
		panic(err)
	}
	return t
}

func merged(cursor time.Time) state.State {
	return state.State{Cursor: cursor, CursorKey: "SystemModstamp", Strategy: "merge", Deleted: "remove", Covered: at("09:59:00")}
}

func TestWhatARunReadsFollowsFromWhatTheLastOneLeft(t *testing.T) {
	cursor := at("10:00:00")
	appended, kept, other := merged(cursor), merged(cursor), merged(cursor)
	appended.Strategy, kept.Deleted, other.CursorKey = "append", "keep", "CreatedDate"
	for name, tt := range map[string]struct {
		job    Job
		before state.State
		mode   string
		whole  bool
		from   time.Time
		says   string
	}{
		"first merge":               {mode: "replace", whole: true},
		"second merge":              {before: merged(cursor), mode: "merge", from: at("09:50:00")},
		"full refresh":              {job: Job{FullRefresh: true}, before: merged(cursor), mode: "replace", whole: true},
		"look-back":                 {job: Job{Lookback: time.Minute}, before: merged(cursor), mode: "merge", from: at("09:59:00")},
		"no look-back":              {job: Job{Lookback: -1}, before: merged(cursor), mode: "merge", from: cursor},
		"back-fill":                 {job: Job{From: at("01:00:00"), To: at("02:00:00")}, before: merged(cursor), mode: "merge", from: at("01:00:00")},
		"merge after append":        {before: appended, mode: "replace", whole: true, says: "appended"},
		"merge by another cursor":   {before: other, mode: "replace", whole: true, says: "cursor changed"},
		"deleted rows now removed":  {before: kept, mode: "replace", whole: true, says: "deleted rows"},
		"first append":              {job: Job{Strategy: "append"}, mode: "append", whole: true},
		"second append":             {job: Job{Strategy: "append"}, before: appended, mode: "append", from: at("09:50:00")},
		"append after merge":        {job: Job{Strategy: "append"}, before: merged(cursor), mode: "append", from: at("09:50:00")},
		"replace":                   {job: Job{Strategy: "replace"}, before: merged(cursor), mode: "replace"},
		"first delete+insert":       {job: Job{Strategy: "delete+insert"}, mode: "replace", whole: true},
		"delete+insert of an hour":  {job: Job{Strategy: "delete+insert", From: at("01:00:00")}, mode: "delete+insert", from: at("01:00:00")},
		"the table's public cursor": {job: Job{CursorKey: "last_timestamp"}, before: merged(cursor), mode: "merge", from: at("09:50:00")},
		"a cursor by its column":    {job: Job{CursorKey: "created_date", From: at("03:00:00")}, mode: "merge", from: at("03:00:00")},
	} {
		t.Run(name, func(t *testing.T) {
			j := tt.job.withDefaults()
			p, err := j.decide(account)
			if err != nil {
				t.Fatal(err)
			}
			if p.keepsState() {
				if err := p.from(j, tt.before); err != nil {
					t.Fatal(err)
				}
			}
			r := p.request(j, p.keepsState())
			if string(p.mode) != tt.mode || p.whole != tt.whole || !r.From.Equal(tt.from) || !strings.Contains(p.instead, tt.says) {
				t.Errorf("mode %s, whole %t, from %s, %q; want %s, %t, %s, %q", p.mode, p.whole, r.From, p.instead, tt.mode, tt.whole, tt.from, tt.says)
			}
		})
	}
}

func TestWhatMakesNoSenseIsRefusedBeforeAnythingIsRead(t *testing.T) {
	noKey, noCursor := account, account
	noKey.key, noCursor.cursor = nil, ""
	for name, tt := range map[string]struct {
		table described
		job   Job
		says  string
	}{
		"full refresh of an interval": {account, Job{FullRefresh: true, From: at("01:00:00")}, "slice alone"},
		"replace by an interval":      {account, Job{Strategy: "replace", To: at("01:00:00")}, "slice alone"},
		"interval that ends first":    {account, Job{From: at("02:00:00"), To: at("01:00:00")}, "before it starts"},
		"empty interval":              {account, Job{From: at("02:00:00"), To: at("02:00:00")}, "before it starts"},
		"unknown strategy":            {account, Job{Strategy: "scd2"}, "scd2"},
		"unknown key":                 {account, Job{Key: []string{"Nope"}}, "Nope"},
		"unknown cursor":              {account, Job{CursorKey: "Nope"}, "Nope"},
		"merge without a key":         {noKey, Job{Strategy: "merge"}, "no key"},
		"merge without a cursor":      {noCursor, Job{Strategy: "merge"}, "no field that tells"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.job.withDefaults().decide(tt.table)
			var e *source.Error
			if !errors.As(err, &e) || e.Kind != source.BadRequest || !strings.Contains(e.Error(), tt.says) || e.Hint() == "" {
				t.Errorf("got %v", err)
			}
		})
	}
	j := Job{Strategy: "append"}.withDefaults()
	p, err := j.decide(account)
	if err != nil {
		t.Fatal(err)
	}
	before := merged(at("10:00:00"))
	before.CursorKey = "CreatedDate"
	if err := p.from(j, before); err == nil || !strings.Contains(err.Error(), "doubled or lost") {
		t.Errorf("append by another cursor: %v", err)
	}
}

func TestATableWithoutACursorIsReplacedAndSaysSo(t *testing.T) {
	table := account
	table.cursor = ""
	p, err := Job{}.withDefaults().decide(table)
	if err != nil || p.mode != "replace" || !strings.Contains(p.instead, "replaced") || p.keepsState() {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAKeyIsFoundByFieldAndByColumn(t *testing.T) {
	for _, name := range []string{"External_Id__c", "external_id__c", "EXTERNAL_ID__C"} {
		p, err := Job{Key: []string{name}}.withDefaults().decide(account)
		if err != nil || len(p.key) != 1 || p.key[0] != "External_Id__c" {
			t.Errorf("%s: %v, %v", name, p.key, err)
		}
	}
}

// P6: the cursor never passes a row that was not committed.
func TestTheCursorNeverPassesTheHorizonNorGoesBack(t *testing.T) {
	before := merged(at("10:00:00"))
	for name, tt := range map[string]struct {
		job             Job
		before          state.State
		newest, horizon time.Time
		want            time.Time
	}{
		"rows before the horizon":       {before: before, newest: at("10:30:00"), horizon: at("10:31:00"), want: at("10:30:00")},
		"a transaction is open":         {before: before, newest: at("10:30:00"), horizon: at("10:20:00"), want: at("10:20:00")},
		"open longer than the cursor":   {before: before, newest: at("10:30:00"), horizon: at("09:00:00"), want: at("10:00:00")},
		"nothing changed":               {before: before, horizon: at("11:00:00"), want: at("10:00:00")},
		"the org tells no clock":        {before: before, newest: at("10:30:00"), want: at("10:30:00")},
		"full refresh may go back":      {job: Job{FullRefresh: true}, before: before, newest: at("08:00:00"), horizon: at("11:00:00"), want: at("08:00:00")},
		"first run":                     {newest: at("08:00:00"), horizon: at("11:00:00"), want: at("08:00:00")},
		"back-fill of the past":         {job: Job{From: at("01:00:00"), To: at("02:00:00")}, before: before, newest: at("01:59:00"), horizon: at("11:00:00"), want: at("10:00:00")},
		"back-fill that leaves a gap":   {job: Job{From: at("10:30:00"), To: at("10:40:00")}, before: before, newest: at("10:35:00"), horizon: at("11:00:00"), want: at("10:00:00")},
		"back-fill that reaches on":     {job: Job{From: at("09:00:00"), To: at("10:40:00")}, before: before, newest: at("10:35:00"), horizon: at("11:00:00"), want: at("10:35:00")},
		"back-fill of an unknown table": {job: Job{From: at("09:00:00")}, newest: at("10:35:00"), horizon: at("11:00:00"), want: time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			j := tt.job.withDefaults()
			p, err := j.decide(account)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.from(j, tt.before); err != nil {
				t.Fatal(err)
			}
			if got := p.after(j, "run", tt.newest, tt.horizon, true); !got.Cursor.Equal(tt.want) {
				t.Errorf("cursor %s, want %s", got.Cursor, tt.want)
			}
		})
	}
}

// P5: what the log of deletions did not tell this time is asked for the next time.
func TestDeletionsThatWereNotToldAreAskedForAgain(t *testing.T) {
	covered := merged(at("10:00:00"))
	covered.Covered = at("10:05:00")
	never := merged(at("10:00:00"))
	never.Covered = time.Time{}
	for name, tt := range map[string]struct {
		job    Job
		before state.State
		logged bool
		want   time.Time
	}{
		"told":                       {before: covered, logged: true, want: at("11:00:00")},
		"not told":                   {before: covered, want: at("10:05:00")},
		"never told":                 {before: never, want: at("10:00:00")},
		"not told, all rows read":    {job: Job{FullRefresh: true}, before: covered, want: at("11:00:00")},
		"not told in the first run":  {want: at("11:00:00")},
		"not told while backfilling": {job: Job{From: at("01:00:00"), To: at("02:00:00")}, before: covered, want: at("10:05:00")},
	} {
		t.Run(name, func(t *testing.T) {
			j := tt.job.withDefaults()
			p, err := j.decide(account)
			if err == nil {
				err = p.from(j, tt.before)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := p.after(j, "run", at("10:30:00"), at("11:00:00"), tt.logged); !got.Covered.Equal(tt.want) {
				t.Errorf("covered to %s, want %s", got.Covered, tt.want)
			}
		})
	}
}
