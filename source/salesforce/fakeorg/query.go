package fakeorg

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// cursor is an open query. Rows keep their place in it, but later pages show
// the values of their own moment and leave out what was erased since.
type cursor struct {
	id      string
	session *session
	plan    *plan
	rows    []uint32
	page    int
	opened  time.Time
}

// cursorLife is how long a locator stays good. API limits, "query cursors".
const cursorLife = 48 * time.Hour

func (c *call) query() *apiError    { return c.runQuery(false) }
func (c *call) queryAll() *apiError { return c.runQuery(true) }

func (c *call) runQuery(all bool) *apiError {
	if err := c.only("GET"); err != nil {
		return err
	}
	switch len(c.segments) {
	case 1:
	case 2:
		return c.more(c.segments[1])
	default:
		return errNotFound
	}
	text, given := c.r.URL.Query()["q"]
	if !given {
		return badRequest("MALFORMED_QUERY", "The parameter q is required")
	}
	p, err := c.org.plan(text[0], all)
	if err != nil {
		return err
	}
	rows := p.rows()
	switch most := c.org.knob().MaxQueryRows; {
	case most > 0 && len(rows) > most:
		return badRequest("QUERY_TIMEOUT", slowQuery)
	case p.countOnly:
		return c.json(http.StatusOK, ordered{{"totalSize", len(rows)}, {"done", true}, {"records", []any{}}})
	case p.aggregate != nil:
		return c.aggregate(p, rows)
	}
	return c.page(c.open(p, rows), 0)
}

// maxAggregates is how many groups one answer may have.
const maxAggregates = 2000

func (c *call) aggregate(p *plan, rows []uint32) *apiError {
	records, n := p.aggregate(rows)
	if n > maxAggregates {
		return badRequest("EXCEEDED_ID_LIMIT", "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch")
	}
	b := fmt.Appendf(nil, `{"totalSize":%d,"done":true,"records":[`, n)
	c.reply(http.StatusOK, jsonType, append(append(b, records...), "]}"...))
	return nil
}

// open makes a cursor, which the org keeps only when there is a second page.
func (c *call) open(p *plan, rows []uint32) *cursor {
	o := c.org
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.next()
	cur := &cursor{
		id: "0r8xx" + fmt.Sprintf("%013s", strings.ToUpper(strconv.FormatUint(mix(n)>>8, 36))), session: c.session, plan: p, rows: rows,
		page: c.pageSize(p, o.knobs), opened: o.clock.Now(),
	}
	if len(rows) > cur.page {
		o.cursors[cur.id] = cur
	}
	return cur
}

// pageSize is what the client asked for, between 200 and 2,000, and less for
// long rows: Salesforce promises nothing but the upper end.
func (c *call) pageSize(p *plan, k Knobs) int {
	size, long := 2000, 0
	for item := range strings.SplitSeq(c.r.Header.Get("Sforce-Query-Options"), ",") {
		key, val, _ := strings.Cut(strings.TrimSpace(item), "=")
		if n, err := strconv.Atoi(val); err == nil && strings.EqualFold(key, "batchSize") {
			size = min(max(n, 200), 2000)
		}
	}
	for _, col := range p.columns {
		if col.field != nil && col.field.LongText() {
			long++
			if col.field.Custom {
				long++
			}
		}
	}
	switch {
	case long >= 4:
		size = min(size, 200)
	case long > 0 || len(p.columns) > 20:
		size = min(size, 1000)
	}
	if k.PageSize > 0 {
		size = min(size, k.PageSize)
	}
	return size
}

// more answers a nextRecordsUrl.
func (c *call) more(locator string) *apiError {
	id, offset, _ := strings.Cut(locator, "-")
	start, bad := strconv.Atoi(offset)
	o := c.org
	o.mu.Lock()
	cur, foreignIsInvalid := o.cursors[id], o.knobs.ForeignLocatorIsInvalid
	o.mu.Unlock()
	switch {
	case cur == nil || bad != nil || start < 0 || start > len(cur.rows) || o.clock.Now().Sub(cur.opened) > cursorLife:
		return badRequest("INVALID_QUERY_LOCATOR", "invalid query locator")
	case cur.session != c.session && foreignIsInvalid:
		return badRequest("INVALID_QUERY_LOCATOR", "invalid query locator")
	case cur.session != c.session:
		return errSession
	}
	later := *cur.plan
	later.view = o.view(cur.plan.view.object.Name)
	next := *cur
	next.plan = &later
	return c.page(&next, start)
}

// KillLocators makes every open nextRecordsUrl invalid.
func (o *Org) KillLocators() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.cursors)
}

// page writes the rows from start on.
func (c *call) page(cur *cursor, start int) *apiError {
	end := min(start+cur.page, len(cur.rows))
	b := fmt.Appendf(nil, `{"totalSize":%d,"done":%t`, len(cur.rows), end == len(cur.rows))
	if end < len(cur.rows) {
		host := ""
		if c.org.knob().AbsoluteNextPage {
			host = c.org.InstanceURL()
		}
		b = fmt.Appendf(b, `,"nextRecordsUrl":"%s%s/query/%s-%d"`, host, c.base(), cur.id, end)
	}
	b = append(b, `,"records":[`...)
	tree := newTree(cur.plan.columns)
	tree.base, tree.plain = c.base(), c.org.knob().PlainNumbers
	first := true
	for _, row := range cur.rows[start:end] {
		if start > 0 && !cur.plan.view.visible(row, cur.plan.all) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = tree.append(b, cur.plan.view, row)
	}
	c.reply(http.StatusOK, jsonType, append(b, "]}"...))
	return nil
}
