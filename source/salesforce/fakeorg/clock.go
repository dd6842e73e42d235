package fakeorg

import (
	"sync"
	"time"
)

// Epoch is the instant at which the clock of an org starts unless Config says
// otherwise.
var Epoch = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// clock is the org's own time: a base and what was added by hand. Callers see
// it in the Date header, in every stamp and in date literals.
type clock struct {
	mu    sync.Mutex
	now   func() time.Time
	extra time.Duration
}

func newClock(now func() time.Time) *clock {
	if now == nil {
		started := time.Now()
		now = func() time.Time { return Epoch.Add(time.Since(started)) }
	}
	return &clock{now: now}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(c.extra).UTC()
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra += d
}
