package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"sluice/source"
)

// Budget is how many API calls a run may take (P8). The zero Budget is no
// bound.
type Budget struct {
	// Share stops the run before more than this part of the org's daily calls
	// is used, whoever used them: 0.8.
	Share float64
	// Calls stops it before it has sent more requests than this itself.
	Calls int64
}

// purse counts the calls of all Sources of a Login against its Budget. It
// refuses a request before it is sent, which ends the run as a used-up day would.
type purse struct {
	budget              Budget
	spent               atomic.Int64 // by us
	limitUsed, limitMax atomic.Int64 // of the org's day, as last told; 0 before
	flying              atomic.Int64 // sent, and not yet in limitUsed
}

// take pays for a request, and gives what to call when it was answered. What
// ends jobs in the org costs nothing here: to leave them would cost more.
func (p *purse) take(req *http.Request) (answered func(), err error) {
	if p.budget == (Budget{}) || req.Method == http.MethodPatch || req.Method == http.MethodDelete {
		return func() {}, nil
	}
	flying := p.flying.Add(1)
	used, most := p.limitUsed.Load(), p.limitMax.Load()
	switch {
	case p.budget.Calls > 0 && p.spent.Add(1) > p.budget.Calls:
		err = fmt.Errorf("the budget of %d API calls for this run is used up", p.budget.Calls)
	case p.budget.Share > 0 && most > 0 && float64(used+flying) > p.budget.Share*float64(most):
		err = fmt.Errorf("%d of the org's %d API calls of the day are used, and the budget ends at %.3g%%", used, most, p.budget.Share*100)
	default:
		return func() { p.flying.Add(-1) }, nil
	}
	p.flying.Add(-1)
	return nil, &source.Error{
		Kind: source.BudgetSpent, Err: err,
		Mend: "what was read stays for the next run: run again when calls have expired, or allow more by --api-budget",
	}
}

// readLimit keeps what a Sforce-Limit-Info header says.
func (p *purse) readLimit(header string) {
	if used, most, ok := parseLimit(header); ok {
		p.limitUsed.Store(used)
		p.limitMax.Store(most)
	}
}

// learnLimit asks for the org's count of calls, so that the first of them that
// costs much is already checked. The headers of later answers keep it current,
// also for Sources that are opened later.
func (s *Source) learnLimit(ctx context.Context) error {
	purse := s.meter.purse
	if purse.limitMax.Load() > 0 {
		return nil
	}
	var limits struct {
		Daily struct{ Max, Remaining int64 } `json:"DailyApiRequests"`
	}
	if err := s.api.getJSON(ctx, "ask for the org's limits", s.api.path("limits"), &limits); err != nil {
		return err
	}
	if d := limits.Daily; d.Max > 0 && purse.limitMax.Load() == 0 {
		purse.limitUsed.Store(d.Max - d.Remaining)
		purse.limitMax.Store(d.Max)
	}
	return nil
}
