// Package fakeorg is a Salesforce org over HTTP, for tests and for the demo: it
// signs in, describes, answers SOQL by REST and by Bulk API 2.0, writes, and
// refuses what Salesforce refuses. Its rows are generated from a seed when they
// are asked for, so that millions of them cost no memory; what tests change
// lies on top.
//
// It shares no code with any client. A test compares what a client brought
// home with what [Org.Rows] says is there.
package fakeorg

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Credentials that every org accepts. The password goes with the security
// token appended, as Salesforce wants it.
const (
	Username      = "integration@example.com"
	Password      = "corr&ct<horse>battery"
	SecurityToken = "Zq3PnUiT8vK1xYw7LsD5hRb2"
	ClientID      = "3MVG9fakeorgConsumerKey.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
	ClientSecret  = "6A1F3C5E7B9D0F2A4C6E8B0D1F3A5C7E9B1D3F5A7C9E0B2D4F6A8C0E2B4D6F80"
	RefreshToken  = "5Aep861fakeorgRefreshToken.J9kLmN0pQrStUvWxYz1234567890"
)

// The oldest and newest API versions served. Older ones are retired.
const (
	OldestVersion = 31
	NewestVersion = 66
	lastSOAPLogin = 64
)

// Config says what an org is like. Its zero value is a small org with a few
// hundred rows an object.
type Config struct {
	// Seed decides every generated value. 0 is a seed like any other.
	Seed uint64
	// Rows is the number of rows of an object at the start, deleted ones
	// included. Objects that are not named keep the default.
	Rows map[string]int
	// Now is the org's clock; nil starts at Epoch and runs with the real time.
	Now func() time.Time
	// APILimit is the daily number of requests; 0 means 100,000.
	APILimit int
	// TokenTTL is how long a session lives by the org's clock; 0 means two
	// hours.
	TokenTTL time.Duration
	// Nasty is the per mille of free texts that are hard to carry: 0 means 20,
	// less than 0 none.
	Nasty int
	// NUL puts NUL bytes into some of the nasty long texts.
	NUL bool
	// OrgID is the 15-character organization id; "" picks one.
	OrgID string
	// InstanceURL is what logins give as the data host; "" is the instance
	// listener of Start, or else the host of the request.
	InstanceURL string
	// Knobs switch what is not established about Salesforce, and what admins
	// can switch.
	Knobs Knobs
}

// Org is one fake org. It is an http.Handler; all methods may be called
// concurrently.
type Org struct {
	config Config
	clock  *clock
	world  *world
	signIn string // host of the sign-in listener, empty without Start

	mu       sync.Mutex // guards all below
	knobs    Knobs
	tables   map[string]*table // by lower-case name
	order    []string          // objects in the order of the describe
	sessions map[string]*session
	serial   uint64 // last number given to a session, locator or job
	cursors  map[string]*cursor
	jobs     map[string]*job
	jobOrder []string
	scripts  []JobScript
	faults   []*Fault
	calls    []Call
	load     Load
	underway struct{ requests, forRows int }
	used     int
	instance string
	schemaAt map[string]time.Time // last change of a describe, by object
}

// New makes an org. It panics only on a mistake in the embedded table of
// objects.
func New(c Config) *Org {
	if c.APILimit == 0 {
		c.APILimit = 100_000
	}
	if c.TokenTTL == 0 {
		c.TokenTTL = 2 * time.Hour
	}
	if c.Nasty == 0 {
		c.Nasty = 20
	}
	if c.OrgID == "" {
		c.OrgID = "00Dfk0000000001"
	}
	o := &Org{
		config: c, knobs: c.Knobs, clock: newClock(c.Now), instance: strings.TrimSuffix(c.InstanceURL, "/"),
		tables: map[string]*table{}, sessions: map[string]*session{}, cursors: map[string]*cursor{}, jobs: map[string]*job{},
		schemaAt: map[string]time.Time{},
	}
	o.populate()
	return o
}

// populate reads the objects and gives them their rows.
func (o *Org) populate() {
	objects := parseObjects(objectsText)
	now := o.clock.Now()
	w := &world{
		seed: o.config.Seed, rows: map[string]int{}, objects: map[string]*Object{}, nasty: uint64(max(o.config.Nasty, 0)),
		nul: o.config.NUL, end: now.UnixMilli() - msPerDay - mod(now.UnixMilli(), 1000),
		binSalt: saltOf(o.config.Seed, "bin"), archiveSalt: saltOf(o.config.Seed, "archive"),
	}
	for _, obj := range objects {
		w.objects[obj.Name] = obj
		w.rows[obj.Name] = o.rowsOf(obj)
	}
	o.world = w
	for _, obj := range objects {
		w.build(obj)
		t := &table{object: obj, base: uint32(w.rows[obj.Name])}
		t.n = t.base
		o.tables[strings.ToLower(obj.Name)] = t
		o.order = append(o.order, obj.Name)
	}
}

// defaultRows is how large an org is that nobody has sized.
var defaultRows = map[string]int{
	"User": 40, "UserRole": 12, "RecordType": 6, "Account": 500, "Contact": 800, "Lead": 400, "Opportunity": 600, "OpportunityLineItem": 700,
	"OpportunityContactRole": 300, "Campaign": 60, "CampaignMember": 500, "Task": 700, "Event": 400, "Product2": 80, "Pricebook2": 4,
	"PricebookEntry": 200, "LoginHistory": 300, "My__Community_Group__c": 300, "Wide__c": 50, "FeedItem": 100, "ContentDocumentLink": 60,
}

func (o *Org) rowsOf(obj *Object) int {
	switch n, given := o.config.Rows[obj.Name]; {
	case obj.single:
		return 1
	case !obj.Queryable || obj.ghost:
		return 0
	case given:
		return n
	case obj.HistoryOf != "":
		return 200
	default:
		return defaultRows[obj.Name]
	}
}

// Start serves the org on two ports of 127.0.0.1: baseURL only signs in, as
// login.salesforce.com does; the data is at the instance it names, which is
// [Org.InstanceURL]. stop ends both and waits for them.
func (o *Org) Start() (baseURL string, stop func()) {
	login, instance := listen(), listen()
	o.signIn = login.Addr().String()
	o.mu.Lock()
	o.instance = "http://" + instance.Addr().String()
	o.mu.Unlock()
	var running sync.WaitGroup
	servers := []*http.Server{{Handler: o}, {Handler: o}}
	for i, l := range []net.Listener{login, instance} {
		running.Go(func() { _ = servers[i].Serve(l) })
	}
	return "http://" + o.signIn, func() {
		for _, s := range servers {
			_ = s.Close()
		}
		running.Wait()
	}
}

// listen takes a free port. Without one no test can go on, so it panics, as
// httptest does.
func listen() net.Listener {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic("fakeorg: " + err.Error())
	}
	return l
}

// InstanceURL is the base URL of the data host, once Start was called or
// Config named one.
func (o *Org) InstanceURL() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.instance
}

// ID is the 18-character id of the organization.
func (o *Org) ID() string { return string(appendChecksum([]byte(o.config.OrgID), 0)) }

// UserID is the 18-character id of the user that signs in.
func (o *Org) UserID() string { return formatID("005", 1) }

// Now is the time by the org's clock, in UTC.
func (o *Org) Now() time.Time { return o.clock.Now() }

// Advance moves the org's clock forward.
func (o *Org) Advance(d time.Duration) { o.clock.advance(d) }

// next gives out a number that was not used before. The caller holds mu.
func (o *Org) next() uint64 {
	o.serial++
	return o.serial
}
