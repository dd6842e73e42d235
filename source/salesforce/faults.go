package salesforce

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"sluice/source"
)

// call is what a request is for. The same code can mean different things in
// the answers to different calls.
type call string

// The calls that sluice makes.
const (
	callLogin    call = "log in"
	callDescribe call = "describe"
	callCount    call = "count"
	callDeleted  call = "log of deletions"
	callQuery    call = "query"
	callPage     call = "next page"
	callCreate   call = "create job"
	callJob      call = "look at job"
	callPages    call = "list results"
	callResults  call = "results"
	callOther    call = "other"
)

// callOf tells what a request is for by its address.
func callOf(method, path string) call {
	if strings.HasPrefix(path, "/services/Soap/") || strings.HasPrefix(path, "/services/oauth2/") {
		return callLogin
	}
	parts := strings.Split(strings.Trim(path, "/"), "/") // services/data/v64.0/query/...
	if len(parts) < 4 {
		return callOther
	}
	last := strings.ToLower(parts[len(parts)-1])
	switch what := strings.ToLower(parts[3]); {
	case what == "query" || what == "queryall":
		if len(parts) > 4 {
			return callPage
		}
		return callQuery
	case what == "limits":
		return callCount
	case what == "sobjects" && len(parts) == 6 && last == "deleted":
		return callDeleted
	case what == "sobjects":
		return callDescribe
	case what != "jobs":
		return callOther
	case last == "results":
		return callResults
	case last == "resultpages":
		return callPages
	case method == http.MethodPost:
		return callCreate
	}
	return callJob
}

// remedy is what sluice does about a fault by itself.
type remedy int

// The remedies. What is left when a remedy has reached its bound ends the run.
const (
	stop     remedy = iota
	again           // the same request, after a growing pause
	renew           // log in once for all workers, then the same request
	byREST          // the whole table, before any row was handed out
	split           // the rows in halves by Id
	onward          // a new query for the rows behind the last Id
	anew            // describe the object again and start over
	chain           // read the results one after the other
	unlogged        // do without the log of deletions
)

// remedies says each in words, with its bound.
var remedies = map[remedy]string{
	stop:   "stops",
	again:  "sends it again, 6 times in all, after pauses that grow to 30 s",
	renew:  "logs in again, once for all workers, and sends it again",
	byREST: "reads the table by REST, and says so",
	split:  "reads the rows in halves by Id, each row once, until they pass",
	onward: "goes on behind the last Id by a new query",
	anew:   "describes the object again and starts over, once",
	chain:  "reads the results one after the other",

	unlogged: "goes on without the log, and says so where rows may stay that were erased",
}

// rule is a row of the table of faults: what it recognises a fault by, what
// the fault means, and what becomes of it.
type rule struct {
	name string
	// A fault has to match all of these that are set. codes are in upper case
	// without "_"; text is part of the message, in lower case.
	on     []call
	status []int
	codes  []string
	text   string
	left   func(calls int64) bool // of the day's calls, when the answer tells them
	broken func(error) bool       // there was no whole answer

	means string
	do    remedy
	kind  source.Kind
	mend  string
}

// lostWithSession is a rule that sessions ask for.
const lostWithSession = "locator died with its session"

const myDomain = "use the org's own host: domain=your-domain.my (Setup, My Domain)"

// faults is the table, in the order in which it is searched: the first rule
// that matches is the one. doc/faults.md is made from it.
var faults = []rule{
	// Logging in.
	{
		name: "password login at an org that takes none", on: []call{callLogin}, codes: []string{"INVALIDOPERATION", "UNSUPPORTEDAPIVERSION"},
		means: "SOAP login is switched off in this org", kind: source.Refused,
		mend: "the org no longer takes password logins: use client_id= and client_secret= of a connected app with a run-as user",
	},
	{
		name: "wrong password", on: []call{callLogin}, codes: []string{"INVALIDLOGIN"},
		means: "user name, password or token is wrong, or the user is locked out", kind: source.Refused,
		mend: "check username, password and token (the token changes with the password); for a sandbox use domain=test or its own host",
	},
	{
		name: "security token wanted", on: []call{callLogin}, codes: []string{"LOGINMUSTUSESECURITYTOKEN"},
		means: "the login comes from outside of the trusted networks", kind: source.Refused,
		mend: "add token= with the user's security token (Settings, Reset My Security Token), or sign in from a trusted network",
	},
	{
		name: "password expired", codes: []string{"INVALIDOPERATIONWITHEXPIREDPASSWORD"},
		means: "the session is good for nothing but a new password", kind: source.Refused,
		mend: "set a new password in the org, then use it with the new security token",
	},
	{
		name: "client credentials at the wrong host", on: []call{callLogin}, text: "not supported on this domain",
		means: "login and test.salesforce.com know no client credentials", kind: source.Refused,
		mend: "client credentials do not work at login or test.salesforce.com; " + myDomain,
	},
	{
		name: "unknown app", on: []call{callLogin}, codes: []string{"INVALIDCLIENTID"},
		means: "no app has this consumer key", kind: source.Refused,
		mend: "check client_id: it is the consumer key of the app, and the app may need ten minutes after it was made",
	},
	{
		name: "wrong client secret", on: []call{callLogin}, codes: []string{"INVALIDCLIENT"},
		means: "the consumer secret is wrong", kind: source.Refused,
		mend: "check client_secret, and that %, & and + in it are percent-encoded",
	},
	{
		name: "no run-as user", on: []call{callLogin}, text: "no client credentials user",
		means: "the app names no user to run as", kind: source.Refused,
		mend: "pick a run-as user in the app's client credentials settings",
	},
	{
		name: "flow not enabled", on: []call{callLogin}, codes: []string{"UNSUPPORTEDGRANTTYPE"},
		means: "the app does not have the client credentials flow", kind: source.Refused,
		mend: "enable the client credentials flow in the app's OAuth settings",
	},
	{
		name: "client credentials refused", on: []call{callLogin}, codes: []string{"INVALIDGRANT"},
		means: "the app or its user may not log in", kind: source.Refused,
		mend: "enable the client credentials flow in the app with a run-as user, and " + myDomain,
	},
	{
		name: "too many logins", on: []call{callLogin}, codes: []string{"RATELIMITEXCEEDED", "LOGINRATEEXCEEDED"},
		means: "the user has logged in 3,600 times within an hour", kind: source.TryLater,
		mend: "too many logins of this user within an hour; try again later",
	},
	{
		name: "login names a foreign host", on: []call{callLogin}, text: "no salesforce host",
		means: "the token would have gone to a host that is not Salesforce's", kind: source.Refused,
		mend: "check domain: the token is only sent to Salesforce or to the host that was named",
	},

	// What Bulk refuses and REST may do.
	{
		name: "Bulk lacks the object", on: []call{callCreate, callJob}, codes: []string{"INVALIDENTITY"},
		means: "the Bulk API does not have this object", do: byREST, mend: "use api=rest",
	},
	{
		name: "Bulk not enabled", on: []call{callCreate, callJob}, codes: []string{
			"FEATURENOTENABLED", "FUNCTIONALITYNOTENABLED", "APIDISABLEDFORORG", "INSUFFICIENTACCESS", "INSUFFICIENTACCESSORREADONLY",
		},
		means: "the org or the user has no Bulk API, or it does not take a field", do: byREST, mend: "use api=rest",
	},
	{
		name: "Bulk not enabled, in words", on: []call{callCreate, callJob}, text: "bulk api is not enabled",
		means: "the org or the user has no Bulk API", do: byREST, mend: "use api=rest",
	},
	{
		name: "no Bulk API", on: []call{callCreate}, status: []int{http.StatusNotFound, http.StatusMethodNotAllowed},
		means: "the org has no Bulk API 2.0 at this API version: it came with 47.0", do: byREST, mend: "use api=rest, or leave api_version out of the address",
	},
	{
		name: "Bulk jobs of the day used up", on: []call{callCreate, callJob}, text: "bulk v2 query",
		means: "10,000 jobs or 1 TB of results in 24 hours", do: byREST, mend: "use api=rest",
	},
	{
		name: "Bulk quota used up", on: []call{callCreate, callJob}, codes: []string{"EXCEEDEDQUOTA", "LIMITEXCEEDED"},
		means: "a daily limit of the Bulk API", do: byREST, mend: "use api=rest",
	},
	{
		name: "field that Bulk refuses in words", on: []call{callCreate, callJob}, text: "not supported in bulk",
		means: "compound and binary fields do not fit into CSV", do: byREST, mend: "use api=rest",
	},
	{
		name: "job of a wrong field", on: []call{callJob}, codes: []string{"INVALIDBATCH"}, text: "field",
		means: "the query names a field that the org does not have", kind: source.Failed,
		mend: "the org changed while it was read, or hides the field or object from this user; run again",
	},
	{
		name: "query that Bulk refuses", on: []call{callCreate, callJob}, codes: []string{"APIERROR", "CLIENTINPUTERROR", "INVALIDBATCH"},
		means: "an implementation restriction of the Bulk API", do: byREST, mend: "use api=rest",
	},

	// Queries that are too large.
	{
		name: "job tried too often", on: []call{callJob}, text: "retried more than",
		means: "the org gave the query up after 15 tries: it is too large", do: split, kind: source.TryLater,
		mend: "the query is too large for the org: narrow it by --interval-start and --interval-end, or try again when the org is calmer",
	},
	{
		name: "job too slow", on: []call{callJob}, text: "running for too long",
		means: "the query of the job took too long", do: split, kind: source.TryLater,
		mend: "the query is too large for the org: narrow it by --interval-start and --interval-end, or try again when the org is calmer",
	},
	{
		name: "query too slow", on: []call{callQuery, callCount, callCreate, callJob}, codes: []string{"QUERYTIMEOUT"},
		means: "the query ran for more than two minutes", do: split, kind: source.TryLater,
		mend: "the query is too large for the org: narrow it by --interval-start and --interval-end, or try again when the org is calmer",
	},
	{
		name: "query too large", on: []call{callQuery, callCount, callCreate, callJob}, codes: []string{"OPERATIONTOOLARGE", "QUERYTOOCOMPLICATED"},
		means: "the query touches too many records at once", do: split, kind: source.TryLater,
		mend: "the query is too large for the org: narrow it by --interval-start and --interval-end, or give the user \"View All Data\"",
	},
	{
		name: "page too slow", on: []call{callPage}, codes: []string{"QUERYTIMEOUT"},
		means: "the org could not fetch the next rows in time", do: onward, kind: source.TryLater,
		mend: "Salesforce was busy; try again later",
	},
	{
		name: "locator died", on: []call{callPage}, codes: []string{"INVALIDQUERYLOCATOR"},
		means: "the query's cursor is older than two days, was dropped, or belongs to another session", do: onward, kind: source.TryLater,
		mend: "run again; if it stays so, somebody ends this user's sessions",
	},
	{
		name: lostWithSession, on: []call{callPage}, codes: []string{"INVALIDSESSIONID"},
		means: "a cursor ends with the session that made it, whoever logs in again", do: onward, kind: source.Refused,
		mend: "the access token has expired or was revoked: get a new one, or use client credentials, which log in again by themselves",
	},
	{
		name: "log of deletions too long", on: []call{callDeleted}, codes: []string{"EXCEEDEDIDLIMIT"},
		means: "more than 600,000 rows were deleted in the window", do: split, kind: source.Failed,
		mend: "load the table once by --full-refresh",
	},

	// Sessions.
	{
		name: "session died", codes: []string{"INVALIDSESSIONID"},
		means: "the token has expired or was revoked", do: renew, kind: source.Refused,
		mend: "the access token has expired or was revoked: get a new one, or use client credentials, which log in again by themselves",
	},
	{
		name: "token of a wrong kind", codes: []string{"INVALIDAUTHHEADER"},
		means: "the org could not read the token", kind: source.Refused,
		mend: "check access_token: it is the session id, without \"Bearer\" and percent-encoded",
	},

	// Limits.
	{
		name: "too many requests at once", codes: []string{"REQUESTLIMITEXCEEDED"}, text: "concurrent",
		means: "25 requests of 20 s or more run in the org", do: again, kind: source.TryLater,
		mend: "too many long requests run in the org at once; try again later",
	},
	{
		name: "requests of the day used up, in words", codes: []string{"REQUESTLIMITEXCEEDED"}, text: "totalrequests",
		means: "the org's requests of the last 24 hours are used up", kind: source.BudgetSpent,
		mend: "the org's API requests of the last 24 hours are used up; run again when some have expired (Setup, Company Information)",
	},
	{
		name: "too many requests at once, by the count", codes: []string{"REQUESTLIMITEXCEEDED"}, left: func(calls int64) bool { return calls > 0 },
		means: "the day's requests are not used up: too many run at once", do: again, kind: source.TryLater,
		mend: "too many long requests run in the org at once; try again later",
	},
	{
		name: "requests of the day used up", codes: []string{"REQUESTLIMITEXCEEDED"},
		means: "the org's requests of the last 24 hours are used up", kind: source.BudgetSpent,
		mend: "the org's API requests of the last 24 hours are used up; run again when some have expired (Setup, Company Information)",
	},

	// The org is busy.
	{
		name: "row locked", codes: []string{"UNABLETOLOCKROW"},
		means: "somebody is writing there", do: again, kind: source.TryLater,
		mend: "Salesforce was busy; try again later",
	},
	{
		name: "server unavailable", codes: []string{"SERVERUNAVAILABLE", "QUERYTIMEOUT"},
		means: "the org is overloaded or under maintenance", do: again, kind: source.TryLater,
		mend: "Salesforce was busy; try again later",
	},

	{
		name: "no log of deletions", on: []call{callDeleted},
		status: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed},
		means:  "the org, or this user, has no such log of the object, or not of that time", do: unlogged, kind: source.Failed,
		mend: "remove erased rows by --reconcile",
	},

	// Permissions.
	{
		name: "API disabled", codes: []string{"APIDISABLEDFORORG", "APICURRENTLYDISABLED", "FUNCTIONALITYNOTENABLED", "FEATURENOTENABLED"},
		means: "the org's edition or the user has no API", kind: source.Refused,
		mend: "the org or the user has no API access: enable \"API Enabled\" in the user's profile or permission set",
	},
	{
		name: "no access", codes: []string{"INSUFFICIENTACCESS", "INSUFFICIENTACCESSORREADONLY"},
		means: "the user may not read the object", kind: source.Refused,
		mend: "give the user read permission on the object",
	},
	{
		name: "transaction security policy", codes: []string{"TXNSECURITYNOACCESS", "TXNSECURITYMETERINGERROR"},
		means: "a transaction security policy of the org forbids the query", kind: source.Refused,
		mend: "exempt the user from the org's transaction security policy",
	},

	// Queries that make no sense there.
	{
		name: "object wants a filter", on: []call{callQuery}, text: "implementation restriction",
		means: "the object can only be queried by single Ids", kind: source.BadRequest,
		mend: "Salesforce lets nobody read this object as a whole; leave it out",
	},
	{
		name: "field gone", codes: []string{"INVALIDFIELD"},
		means: "a field vanished between describe and query", do: anew, kind: source.Failed,
		mend: "check the names in the query or in --where; else the org changed while it was read, or hides the field or object from this user: run again",
	},
	{
		name: "object gone", codes: []string{"INVALIDTYPE", "MALFORMEDQUERY", "ENTITYNOTQUERYABLE"},
		means: "the object vanished between describe and query, or does not take the query", kind: source.Failed,
		mend: "check the names in the query or in --where; else the org changed while it was read, or hides the field or object from this user: run again",
	},
	{
		name: "external system", codes: []string{"EXTERNALOBJECTEXCEPTION"},
		means: "the rows are in a system behind the org, which does not answer", kind: source.TryLater,
		mend: "check the external data source in Setup, and run again",
	},
	{
		name: "no such object", on: []call{callDescribe}, status: []int{http.StatusNotFound},
		means: "the org has no such object, or hides it from this user", kind: source.BadRequest,
		mend: "check the spelling, and that the user may see the object",
	},
	{
		name: "no list of results", on: []call{callPages}, status: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed},
		means: "the org does not list the pages of a job", do: chain, kind: source.Failed,
		mend: "see Setup, Bulk Data Load Jobs, and run again",
	},

	// The org is down.
	{
		name: "down", status: []int{
			http.StatusNotAcceptable, http.StatusRequestTimeout, 420, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		},
		means: "the org, or a proxy before it, is down or throttles", do: again, kind: source.TryLater,
		mend: "Salesforce is down or throttles; see status.salesforce.com and try again later",
	},

	// What is left.
	{
		name: "retired version", status: []int{http.StatusGone},
		means: "Salesforce no longer serves this API version", kind: source.BadRequest,
		mend: "this API version is retired; leave api_version out of the address",
	},
	{
		name: "address too long", status: []int{http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge},
		means: "the query does not fit into an address", kind: source.Failed,
		mend: "read the table by Bulk (api=bulk)",
	},
	{
		name: "login refused", on: []call{callLogin},
		means: "the org does not let this user in: hours, addresses, or rights", kind: source.Refused,
		mend: "check the credentials and the user's login rights (API Enabled, login hours, IP ranges)",
	},
	{
		name: "not authorised", status: []int{http.StatusUnauthorized},
		means: "the org does not know the token", do: renew, kind: source.Refused,
		mend: "the org does not accept the login; check the credentials",
	},
	{
		name: "forbidden", status: []int{http.StatusForbidden},
		means: "the user lacks a permission", kind: source.Refused,
		mend: "the user lacks a permission in the org",
	},

	// No whole answer.
	{
		name: "no such host", broken: isNoHost,
		means: "the name is misspelt, or the resolver does not know it", kind: source.BadRequest,
		mend: "no host has this name: check domain in the source address",
	},
	{
		name: "unsafe connection", broken: isTLS,
		means: "the certificate is not the host's, or the other side does not speak TLS", kind: source.Refused,
		mend: "the connection is not safe and was given up: check domain, and the certificate of a proxy in between",
	},
	{
		name: "proxy wants a login", broken: func(err error) bool { return proxyStatus(err) == http.StatusProxyAuthRequired },
		means: "the proxy takes no connection without a user and a password, or not with these", kind: source.Refused,
		mend: "put the proxy's user and password into HTTPS_PROXY: http://user:password@host:port, percent-encoded",
	},
	{
		name: "proxy refuses", broken: func(err error) bool { return proxyStatus(err)/100 == 4 },
		means: "the proxy does not let anybody through to this host", kind: source.Refused,
		mend: "let the proxy connect to the org's hosts, port 443, or pass it by with NO_PROXY",
	},
	{
		name: "proxy does not reach the org", broken: func(err error) bool { return proxyStatus(err) != 0 },
		means: "the proxy got no connection to the host", do: again, kind: source.TryLater,
		mend: "check domain, the proxy (HTTPS_PROXY) and status.salesforce.com, then run again",
	},
	{
		name: "nothing listens", broken: func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) },
		means: "at first a wrong port, later a server that restarts (only then it is tried again)", do: again, kind: source.TryLater,
		mend: "nothing listens there: check domain, and the proxy settings (HTTPS_PROXY)",
	},
	{
		name: "silence", broken: func(err error) bool { return errors.Is(err, errSilent) },
		means: "no byte came for 90 s", do: again, kind: source.TryLater,
		mend: "check the network and status.salesforce.com, then run again",
	},
	{
		name: "damaged", broken: isCorrupt,
		means: "the compressed answer was damaged on its way", do: again, kind: source.TryLater,
		mend: "check the network and any proxy in between, then run again",
	},
	{
		name: "not the answer of an org", broken: func(err error) bool { return errors.Is(err, errNotAnswer) },
		means: "a proxy or a login page answered in the org's place, or with nothing", do: again, kind: source.TryLater,
		mend: "check that domain names a Salesforce org, and that no proxy answers in its place",
	},
	{
		name: "endless", broken: isEndless,
		means: "the answer is larger than any that Salesforce sends", kind: source.Failed,
		mend: "check that domain names a Salesforce org, and that no proxy answers in its place",
	},
	{
		name: "cut off", broken: isCut,
		means: "the connection broke, or the answer ended early", do: again, kind: source.TryLater,
		mend: "check the network and status.salesforce.com, then run again",
	},
	{
		name: "no HTTP", broken: func(error) bool { return true },
		means: "what came back is no HTTP, or breaks its rules", kind: source.TryLater,
		mend: "check the network and status.salesforce.com, then run again",
	},
}

// unknownFault is what no rule knows.
var unknownFault = rule{name: "anything else", means: "not in this table", kind: source.Failed}

// matches says whether an answer is the fault of this rule.
func (r *rule) matches(e *apiError) bool {
	if r.broken != nil || len(r.on) > 0 && !slices.Contains(r.on, e.Call) || len(r.status) > 0 && !slices.Contains(r.status, e.Status) {
		return false
	}
	if len(r.codes) > 0 && !slices.Contains(r.codes, strings.ReplaceAll(strings.ToUpper(e.Code), "_", "")) {
		return false
	}
	if r.left != nil && !r.left(e.Left) {
		return false
	}
	return strings.Contains(strings.ToLower(e.Message), r.text)
}

// judge finds the rule for an answer that says no.
func judge(e *apiError) *rule {
	for i := range faults {
		if faults[i].matches(e) {
			return &faults[i]
		}
	}
	return &unknownFault
}

// judgeBroken finds the rule for a request that got no whole answer.
func judgeBroken(err error) *rule {
	for i := range faults {
		if broken := faults[i].broken; broken != nil && broken(err) {
			return &faults[i]
		}
	}
	return &unknownFault
}

// remedyOf is what the table says about err, and stop for other errors.
func remedyOf(err error) remedy {
	var e *apiError
	if errors.As(err, &e) {
		return judge(e).do
	}
	return stop
}

// errNotAnswer is an answer that says yes and is none: a page for people, or
// nothing.
var errNotAnswer = errors.New("the answer is not an org's")

// errEndless is an answer that is larger than any of Salesforce's.
var errEndless = errors.New("the answer has no end")

// isEndless says whether an answer was given up for its size. net/http has no
// error of its own for headers that are too long.
func isEndless(err error) bool {
	return errors.Is(err, errEndless) || strings.Contains(err.Error(), "response headers exceeded")
}

func isNoHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch)
}

// proxyStatus is what a proxy answered that did not connect us; 0 for other
// errors.
func proxyStatus(err error) int {
	var refused *proxyError
	if errors.As(err, &refused) {
		return refused.status
	}
	return 0
}

// isCorrupt says whether a compressed body was damaged on its way.
func isCorrupt(err error) bool {
	var broken flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &broken)
}

// isCut says whether a connection broke off in a way that a new one may not.
func isCut(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var op *net.OpError
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	return errors.As(err, &op) || errors.As(err, &dns) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &timeout) && timeout.Timeout()
}
