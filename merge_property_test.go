package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/destination"
	"sluice/source/salesforce/fakeorg"
)

// TestMergeEqualsReplace changes an org at random, merges after each burst, and
// compares every cell with the org: what a replace at that moment would give
// (P5). Each database has a history of its own; MERGE_SEEDS=20 has both play
// twenty.
func TestMergeEqualsReplace(t *testing.T) {
	wanted, err := strconv.Atoi(os.Getenv("MERGE_SEEDS"))
	for turn, kind := range slices.Sorted(maps.Keys(ends)) {
		first, last := turn, turn+1
		if err == nil {
			first, last = 0, wanted
		}
		for seed := first; seed < last; seed++ {
			t.Run(fmt.Sprintf("%s, seed %d", kind, seed), func(t *testing.T) {
				newHistory(t, ends[kind](t), uint64(seed)).play()
			})
		}
	}
}

// history is a random life of an org and of the database beside it.
type history struct {
	*testing.T
	*rand.Rand
	org  *fakeorg.Org
	end  end
	bin  map[string][]string // deleted ids by object
	open map[string]*fakeorg.Transaction
	// added are the fields that were made, hidden says which object hides one.
	added  map[string][]string
	hidden map[string]bool
	fields int
}

// lived are the objects that change; a deleted account takes its contacts
// along, and old tasks are archived.
var lived = []string{"Account", "Contact", "Task"}

func newHistory(t *testing.T, e end, seed uint64) *history {
	t.Helper()
	org := fakeorg.New(fakeorg.Config{
		Seed: seed, Rows: map[string]int{"Account": 60, "Contact": 90, "Task": 120},
		Knobs: fakeorg.Knobs{BulkPageSize: 40, PageSize: 30},
	})
	_, stop := org.Start()
	t.Cleanup(stop)
	return &history{
		T: t, Rand: rand.New(rand.NewPCG(seed, 1)), org: org, end: e,
		bin: map[string][]string{}, open: map[string]*fakeorg.Transaction{},
		added: map[string][]string{}, hidden: map[string]bool{},
	}
}

func (h *history) play() {
	h.merge()
	for range 6 {
		for range 1 + h.IntN(12) {
			h.change(lived[h.IntN(len(lived))])
		}
		if h.IntN(3) == 0 {
			h.reschema(lived[h.IntN(len(lived))])
		}
		h.org.Advance(time.Duration(h.IntN(3*3600)) * time.Second)
		h.merge()
		if h.Failed() {
			return
		}
	}
}

// merge loads every object by a random API and compares it.
func (h *history) merge() {
	h.Helper()
	for _, object := range lived {
		address := "salesforce://?access_token=" + url.QueryEscape(h.org.AccessToken()) + "&domain=" + h.org.InstanceURL() +
			"&api=" + []string{"auto", "rest", "bulk"}[h.IntN(3)]
		args := []string{
			"--source-uri", address, "--source-table", "custom:" + object, "--dest-uri", h.end.address(),
			"--dest-table", strings.ToLower(object), "--incremental-strategy", "merge", "--progress", "none",
			"--backfill-new-columns",
		}
		if h.IntN(10) == 0 {
			args[9] = "replace"
		}
		ingest(h.T, args...)
		h.compare(object)
	}
}

// pick gives a random row that a query sees, "" when there is none.
func (h *history) pick(object string) string {
	n := h.org.Count(object)
	if n == 0 {
		return ""
	}
	skip := h.IntN(n)
	for r := range h.org.Rows(object) {
		if skip == 0 {
			return r.ID()
		}
		skip--
	}
	return ""
}

// reschema changes the fields of an object: one is made, renamed, removed,
// hidden or shown again.
func (h *history) reschema(object string) {
	h.fields++
	name, added := fmt.Sprintf("Made%d__c", h.fields), h.added[object]
	switch what := h.IntN(5); {
	case what == 0 && len(added) > 0:
		h.org.RemoveField(object, added[0])
		h.added[object] = added[1:]
	case what == 1 && len(added) > 0:
		h.org.RenameField(object, added[0], name)
		added[0] = name
	case what < 4 && h.hidden[object]:
		h.org.ShowField(object, "CreatedById")
		h.hidden[object] = false
	case what == 2:
		h.org.HideField(object, "CreatedById")
		h.hidden[object] = true
	default:
		h.org.AddField(object, name+" str:80 null=200")
		h.added[object] = append(added, name)
	}
}

// change does one random thing to an object.
func (h *history) change(object string) {
	id := h.pick(object)
	field := map[string]string{"Account": "Name", "Contact": "LastName", "Task": "Subject"}[object]
	values := fakeorg.Values{field: fmt.Sprintf("changed %d", h.IntN(1000))}
	h.org.Advance(time.Duration(h.IntN(90)) * time.Second)
	switch what := h.IntN(14); {
	case what < 3:
		h.org.Insert(object, values)
	case what == 3:
		h.org.RevealLate(object, h.org.Now().Add(-time.Duration(h.IntN(5*60))*time.Second), values)
	case what == 4 && len(h.bin[object]) > 0:
		last := len(h.bin[object]) - 1
		h.org.Undelete(object, h.bin[object][last])
		h.bin[object] = h.bin[object][:last]
	case what == 5:
		h.org.EmptyBin()
		clear(h.bin)
	case what == 6 && h.open[object] == nil:
		h.open[object] = h.org.Begin(object)
		h.open[object].Insert(values)
	case what == 7 && h.open[object] != nil:
		h.open[object].Commit()
		delete(h.open, object)
	case id == "":
	case what == 8:
		h.org.Delete(object, id)
		h.bin[object] = append(h.bin[object], id)
	case what == 9:
		h.org.HardDelete(object, id)
	case what == 10 && object == "Task":
		h.org.Archive(object, id)
	case what == 10:
		if loser := h.pick(object); loser != id {
			h.org.Merge(object, id, loser)
		}
	default:
		h.org.Update(object, id, values)
	}
}

// compare holds the table against the org. Archived tasks are rows, too.
func (h *history) compare(object string) {
	h.Helper()
	landed := h.end.rows(h.T, strings.ToLower(object))
	fields := valueFields(h.org.Object(object))
	columns, _, err := destination.Naming{}.Columns(fields)
	if err != nil {
		h.Fatal(err)
	}
	rows := 0
	for truth := range h.org.AllRows(object) {
		if truth.Value("IsDeleted") == true {
			continue
		}
		rows++
		row := landed[truth.ID()]
		if row == nil {
			h.Fatalf("%s %s is missing", object, truth.ID())
		}
		for i, f := range fields {
			// Archiving leaves the stamps as they are: like a formula, the mark
			// follows with the next change of the row or a full refresh.
			if want := truth.Value(f); f != "IsArchived" && !equal(row[columns[i]], want) {
				h.Fatalf("%s %s.%s: %#v, the org has %#v", object, truth.ID(), f, row[columns[i]], want)
			}
		}
	}
	if len(landed) != rows {
		h.Fatalf("%s: %d rows, the org has %d", object, len(landed), rows)
	}
}
