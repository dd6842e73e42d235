package pipeline

import (
	"errors"
	"testing"

	"sluice/destination"
)

func TestALookReadsNoRowAndStagesNothing(t *testing.T) {
	o, d := world()
	o.hooks["scan"] = times(1, errBoom) // a look must not come here
	p, err := Look(t.Context(), jobFor(o, d))
	if err != nil {
		t.Fatal(err)
	}
	if p.SourceTable != "BigThing" || p.DestTable != "public.big_thing" || p.Strategy != string(destination.Replace) || !p.Full || p.API != "rest" || p.Rows != 3 || p.Query == "" || p.Took.Calls != 7 {
		t.Errorf("%+v", p)
	}
	if d.stages != 0 || len(d.rows) != 1 || d.left+d.aborts != 1 || o.closed != 1 || o.ended != 0 {
		t.Errorf("%d stages, %d rows, left %d times, aborted %d times, closed %d times, %d scans ended", d.stages, len(d.rows), d.left, d.aborts, o.closed, o.ended)
	}
}

func TestALookThatFailsLeavesNothingOpen(t *testing.T) {
	for _, step := range []string{"open", "table", "begin"} {
		o, d := world()
		o.hooks[step], d.hooks[step] = times(1, errBoom), times(1, errBoom)
		if _, err := Look(t.Context(), jobFor(o, d)); !errors.Is(err, errBoom) {
			t.Errorf("%s: %v", step, err)
		}
		if d.left+d.aborts > 0 || step != "open" && o.closed != 1 {
			t.Errorf("%s: left %d times, aborted %d times, closed %d times", step, d.left, d.aborts, o.closed)
		}
	}
}
