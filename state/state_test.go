package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func full() State {
	return State{
		Cursor: time.Date(2026, 5, 1, 7, 25, 37, 123e6, time.UTC), CursorKey: "SystemModstamp",
		Covered: time.Date(2026, 5, 1, 7, 29, 0, 0, time.UTC), Strategy: "merge", Deleted: "remove",
		Columns:  map[string]string{"FooBar__c": "foo_bar__c_1a2b", "Foo_Bar__c": "foo_bar__c"},
		Unfilled: []string{"Foo_Bar__c"},
		Where:    "Type = 'Customer'", Shape: "1f0c2d3e4b5a",
		Run: "k3j5h2g7d9", Committed: time.Date(2026, 5, 1, 7, 30, 0, 0, time.UTC),
	}
}

// The files of older formats stay for ever: a state that was written once can
// always be read.
func TestEveryFormatThatWasEverWrittenIsRead(t *testing.T) {
	second := full()
	second.Where, second.Shape = "", ""
	first := second
	first.Unfilled = nil
	for version, want := range map[int]State{1: first, 2: second, 3: full()} {
		text, err := os.ReadFile(fmt.Sprintf("testdata/state.v%d.json", version))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("format %d: got  %+v, %v\nwant %+v", version, got, err, want)
		}
		if version < Version {
			continue
		}
		now, err := Encode(full())
		if err != nil || string(now) != string(text) {
			t.Errorf("format %d is written as\n%s, %v\nwant\n%s", Version, now, err, text)
		}
	}
}

func TestEveryFieldOfAStateIsKept(t *testing.T) {
	v := reflect.ValueOf(full())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the test's state leaves %s out", v.Type().Field(i).Name)
		}
	}
}

func TestAStateOfANewerSluiceIsRefusedWithAHint(t *testing.T) {
	_, err := Decode([]byte(`{"version":4,"cursor":{"new":"form"}}`))
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Got != 4 || newer.Hint() == "" {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "{}", "null", `{"version":0}`, `{"version":1,"cursor":7}`, "[]"} {
		if s, err := Decode([]byte(text)); err == nil {
			t.Errorf("%q: %+v and no error", text, s)
		}
	}
}

func TestAFileKeepsTheStatesOfItsKeysApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	f := NewFile(path)
	ctx := t.Context()
	a, b := Key{"00D1", "Account", "public.account"}, Key{"00D2", "Account", "public.account"}
	if s, err := f.Get(ctx, a); err != nil || !reflect.DeepEqual(s, State{}) {
		t.Fatalf("an empty store has %+v, %v", s, err)
	}
	if err := f.Put(ctx, a, full()); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(ctx, b, State{Strategy: "replace"}); err != nil {
		t.Fatal(err)
	}
	if err := NewFile(path).Put(ctx, b, State{Strategy: "append"}); err != nil {
		t.Fatal(err)
	}
	entries, err := f.List(ctx)
	if err != nil || len(entries) != 2 || entries[0].Key != a || !reflect.DeepEqual(entries[0].State, full()) || entries[1].State.Strategy != "append" {
		t.Errorf("%+v, %v", entries, err)
	}
	if err := f.Delete(ctx, a); err != nil {
		t.Fatal(err)
	}
	if s, err := f.Get(ctx, a); err != nil || !s.Cursor.IsZero() {
		t.Errorf("after Delete: %+v, %v", s, err)
	}
}

func TestRunsThatShareAFileLoseNoState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	var wg sync.WaitGroup
	const n = 20
	for i := range n {
		wg.Go(func() {
			if err := NewFile(path).Put(t.Context(), Key{Source: fmt.Sprint(i)}, full()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	entries, err := NewFile(path).List(t.Context())
	if err != nil || len(entries) != n {
		t.Errorf("%d states, %v", len(entries), err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "state.json.[0-9]*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAFileThatIsNoStateFileIsNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, []byte("dear diary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := NewFile(path).Put(t.Context(), Key{}, full()); err == nil || !strings.Contains(err.Error(), "read states") {
		t.Errorf("got %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "dear diary" {
		t.Errorf("the file is %q now", text)
	}
}

func FuzzDecode(f *testing.F) {
	text, _ := Encode(full())
	f.Add(text)
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"columns":{},"unfilled":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Decode(text)
		if err != nil {
			return
		}
		again, err := Encode(s)
		if err != nil {
			return // years that JSON times cannot hold
		}
		if back, err := Decode(again); err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("%s\n%+v\n%+v, %v", text, s, back, err)
		}
	})
}
