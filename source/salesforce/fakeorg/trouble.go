package fakeorg

import (
	"fmt"
	"net/http"
)

// Trouble is one kind of bad weather that can be made to happen.
type Trouble struct {
	Name string
	// Way is how an org has to be read to meet the trouble: by "rest", "bulk",
	// or by a login with "password" or "credentials"; "" is any.
	Way string

	fault  Fault
	script JobScript
	bulk   bool // script is set
	// before is done instead of, or together with, the fault's first request.
	before func(o *Org)
}

// Strike lets the trouble meet the nth request or job that can meet it, from 1,
// and so many from there on; less than 0 is all.
func (t Trouble) Strike(o *Org, nth, times int) {
	if t.bulk {
		t.script.Times = times
		if nth > 1 {
			o.Script(JobScript{Times: nth - 1})
		}
		o.Script(t.script)
		return
	}
	f := t.fault
	f.Nth, f.Times = nth, times
	if t.before != nil {
		f.Do = func() { t.before(o) }
	}
	o.Inject(f)
}

// The addresses of requests.
const (
	anyData     = "/services/data/*"
	oauthLogin  = "/services/oauth2/token"
	soapLogin   = "/services/Soap/*"
	describe    = "/services/data/*/sobjects/*/describe"
	restQuery   = "/services/data/*/query*"
	nextPage    = "/services/data/*/query/*"
	bulkJobs    = "/services/data/*/jobs/query"
	oneBulkJob  = "/services/data/*/jobs/query/*"
	jobResults  = "/services/data/*/jobs/query/*/results"
	resultPages = "/services/data/*/jobs/query/*/resultPages"
)

// refusal is an answer in the form of the REST API.
func refusal(method, path string, status int, code, message string) Fault {
	return Fault{Method: method, Path: path, Status: status, Body: fmt.Sprintf(`[{"message":%q,"errorCode":%q}]`, message, code)}
}

// oauthRefusal is an answer in the form of the token endpoint.
func oauthRefusal(code, description string) Fault {
	return Fault{Path: oauthLogin, Status: http.StatusBadRequest, Body: fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, description)}
}

// soapRefusal is a SOAP fault: HTTP 500, whatever it means.
func soapRefusal(code, message string) Fault {
	return Fault{Path: soapLogin, Status: http.StatusInternalServerError, Body: `<?xml version="1.0" encoding="UTF-8"?>` +
		`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body>` +
		`<soapenv:Fault><faultcode>` + code + `</faultcode><faultstring>` + code + `: ` + message + `</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>`}
}

const (
	maintenance = "<html><head><title>We are down for maintenance.</title></head><body><table><tr><td>Sorry for the inconvenience. We'll be back shortly.</td></tr></table></body></html>"
	slowQuery   = "Your query request was running for too long."
	vanished    = `\nSELECT Id, Gone__c FROM Contact\n           ^\nERROR at Row:1:Column:12\nNo such column 'Gone__c' on entity 'Contact'.`
)

// Troubles are all kinds that one request can meet.
var Troubles = []Trouble{
	// At the login.
	{Name: "password login at an org that takes none", Way: "password", fault: soapRefusal("INVALID_OPERATION", noSOAP)},
	{Name: "wrong password", Way: "password", fault: soapRefusal("INVALID_LOGIN", badLogin)},
	{Name: "security token wanted", Way: "password", fault: soapRefusal("LOGIN_MUST_USE_SECURITY_TOKEN", "you must add a security token to your password to log in")},
	{Name: "password expired", Way: "password", fault: refusal("", anyData, 403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "The users password has expired")},
	{Name: "client credentials at the wrong host", Way: "credentials", fault: oauthRefusal("invalid_grant", "request not supported on this domain")},
	{Name: "unknown app", Way: "credentials", fault: oauthRefusal("invalid_client_id", "client identifier invalid")},
	{Name: "wrong client secret", Way: "credentials", fault: oauthRefusal("invalid_client", "invalid client credentials")},
	{Name: "no run-as user", Way: "credentials", fault: oauthRefusal("invalid_grant", "no client credentials user enabled")},
	{Name: "flow not enabled", Way: "credentials", fault: oauthRefusal("unsupported_grant_type", "grant type not supported")},
	{Name: "client credentials refused", Way: "credentials", fault: oauthRefusal("invalid_grant", "authentication failure")},
	{Name: "too many logins", Way: "credentials", fault: oauthRefusal("rate_limit_exceeded", "login rate exceeded")},
	{Name: "login names a foreign host", Way: "credentials", fault: Fault{Path: oauthLogin, Status: 200, Body: `{"access_token":"00Dfk0000000001!stolen","instance_url":"https://salesforce.example.com","id":"https://login.salesforce.com/id/x/y"}`}},
	{Name: "login refused", Way: "credentials", fault: oauthRefusal("inactive_user", "user is inactive")},

	// At Bulk jobs.
	{Name: "Bulk lacks the object", Way: "bulk", fault: refusal("POST", bulkJobs, 400, "INVALIDENTITY", "Entity 'X' is not supported by the Bulk API.")},
	{Name: "Bulk not enabled", Way: "bulk", fault: refusal("POST", bulkJobs, 403, "FeatureNotEnabled", "not enabled")},
	{Name: "Bulk not enabled, in words", Way: "bulk", fault: refusal("POST", bulkJobs, 403, "API_DISABLED_FOR_ORG", "Bulk API is not enabled for this organization")},
	{Name: "no Bulk API", Way: "bulk", fault: refusal("POST", bulkJobs, 404, "NOT_FOUND", "The requested resource does not exist")},
	{Name: "Bulk jobs of the day used up", Way: "bulk", fault: refusal("POST", bulkJobs, 400, "API_ERROR", "Max bulk v2 query jobs (10000) per 24 hrs has been reached")},
	{Name: "Bulk quota used up", Way: "bulk", fault: refusal("POST", bulkJobs, 400, "LIMIT_EXCEEDED", "daily limit")},
	{Name: "field that Bulk refuses in words", Way: "bulk", bulk: true, script: JobScript{Fail: "InvalidBatch : Failed to process query: SOME_CODE: Selecting compound data not supported in Bulk Query"}},
	{Name: "query that Bulk refuses", Way: "bulk", fault: refusal("POST", bulkJobs, 400, "API_ERROR", "Implementation restriction: this object is filtered")},
	{Name: "job of a wrong field", Way: "bulk", bulk: true, script: JobScript{Fail: "InvalidBatch : Field Gone__c does not exist"}},
	{Name: "job too slow", Way: "bulk", bulk: true, script: JobScript{Fail: "Your query request was running for too long."}},
	{Name: "job tried too often", Way: "bulk", bulk: true, script: JobScript{Fail: "InternalServerError : Retried more than fifteen times"}},
	{Name: "job aborted", Way: "bulk", bulk: true, script: JobScript{Abort: true}},
	{Name: "no list of results", Way: "bulk", fault: refusal("GET", resultPages, 404, "NOT_FOUND", "The requested resource does not exist")},
	{Name: "results gone", Way: "bulk", fault: refusal("GET", jobResults, 400, "INVALIDJOBSTATE", "the result is gone")},

	// At queries.
	{Name: "query too slow", Way: "rest", fault: refusal("GET", restQuery, 400, "QUERY_TIMEOUT", slowQuery)},
	{Name: "query too large", Way: "rest", fault: refusal("GET", restQuery, 400, "OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's")},
	{Name: "page too slow", Way: "rest", fault: refusal("GET", nextPage, 400, "QUERY_TIMEOUT", slowQuery)},
	{Name: "locator died", Way: "rest", fault: Fault{Method: "GET", Path: nextPage}, before: (*Org).KillLocators},
	{Name: "locator died with its session", Way: "rest", fault: Fault{Method: "GET", Path: nextPage}, before: (*Org).ExpireSessions},
	{Name: "object wants a filter", Way: "rest", fault: refusal("GET", restQuery, 400, "MALFORMED_QUERY", "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId")},
	{Name: "field gone", Way: "rest", fault: Fault{Method: "GET", Path: restQuery, Status: 400, Body: `[{"message":"` + vanished + `","errorCode":"INVALID_FIELD"}]`}},
	{Name: "object gone", Way: "rest", fault: refusal("GET", restQuery, 400, "INVALID_TYPE", "sObject type 'Contact' is not supported.")},
	{Name: "external system", Way: "rest", fault: refusal("GET", restQuery, 400, "EXTERNAL_OBJECT_EXCEPTION", "the external system is down")},
	{Name: "transaction security policy", Way: "rest", fault: refusal("GET", restQuery, 400, "TXN_SECURITY_NO_ACCESS", "The operation you requested was blocked by a security policy")},
	{Name: "no access", Way: "rest", fault: refusal("GET", restQuery, 403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id")},
	{Name: "address too long", Way: "rest", fault: Fault{Method: "GET", Path: restQuery, Status: 414, Body: "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"}},
	{Name: "no such object", fault: refusal("GET", describe, 404, "NOT_FOUND", "The requested resource does not exist")},

	// At any request.
	{Name: "session died", fault: Fault{Path: anyData}, before: (*Org).ExpireSessions},
	{Name: "session died, as Bulk says it", fault: refusal("", anyData, 400, "InvalidSessionId", "Invalid session id")},
	{Name: "token of a wrong kind", fault: refusal("", anyData, 401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")},
	{Name: "too many requests at once", fault: refusal("", anyData, 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.")},
	{Name: "too many requests at once, by the count", fault: Fault{Path: anyData, Status: 403, Header: http.Header{"Sforce-Limit-Info": {"api-usage=24/15000"}}, Body: `[{"message":"Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`}},
	{Name: "requests of the day used up", fault: refusal("", anyData, 403, "REQUEST_LIMIT_EXCEEDED", "Limit exceeded.")},
	{Name: "requests of the day used up, in words", fault: Fault{Path: anyData, Status: 403, Header: http.Header{"Sforce-Limit-Info": {"api-usage=24/15000"}}, Body: `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`}},
	{Name: "API disabled", fault: refusal("", anyData, 403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")},
	{Name: "row locked", fault: refusal("", anyData, 400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")},
	{Name: "server unavailable", fault: refusal("", anyData, 503, "SERVER_UNAVAILABLE", "Server Unavailable")},
	{Name: "down", fault: Fault{Path: anyData, Status: 503, Body: maintenance}},
	{Name: "down, without a word", fault: Fault{Path: anyData, Status: 502}},
	{Name: "down at the edge", fault: Fault{Path: anyData, Status: 420, Body: "<html><body>We are setting things up</body></html>"}},
	{Name: "down with a code", fault: refusal("", anyData, 500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 1452464078-314667 (-1173371248)")},
	{Name: "retired version", fault: refusal("", anyData, 410, "UNSUPPORTED_API_VERSION", "The API version is retired")},
	{Name: "not authorised", fault: Fault{Path: anyData, Status: 401}},
	{Name: "forbidden", fault: Fault{Path: anyData, Status: 403, Body: "<html><body>Forbidden</body></html>"}},
	{Name: "anything else", fault: refusal("", anyData, 409, "NEVER_HEARD_OF", "nobody knows")},

	{Name: "anything else, with all that was sent", fault: Fault{Path: anyData, Status: 409, Echo: true, Body: `[{"message":"cannot read ECHO","errorCode":"NEVER_HEARD_OF"}]`}},
	{Name: "forbidden, with all that was sent", fault: Fault{Path: anyData, Status: 403, Echo: true, Body: `<html><body><pre>ECHO</pre></body></html>`}},
	{Name: "login refused, with all that was sent", Way: "credentials", fault: Fault{Path: oauthLogin, Status: 400, Echo: true, Body: `{"error":"inactive_user","error_description":"ECHO"}`}},
	{Name: "wrong password, with all that was sent", Way: "password", fault: Fault{Path: soapLogin, Status: 400, Echo: true, Body: `{"error":"invalid_login","error_description":"ECHO"}`}},

	// On the way.
	{Name: "cut off", fault: Fault{Path: anyData, CutAfterBytes: 200}},
	{Name: "cut off before the answer", fault: Fault{Path: anyData, Reset: true}},
	{Name: "cut off with a length that lies", fault: Fault{Path: anyData, TruncateAfterBytes: 200, Lying: true}},
	{Name: "silence", fault: Fault{Path: anyData, StallAfterBytes: 200}},
	{Name: "damaged", fault: Fault{Path: anyData, CorruptGzip: true}},
	{Name: "not the answer of an org", fault: Fault{Path: anyData, Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: maintenance}},
	{Name: "not the answer of an org: nothing", fault: Fault{Path: anyData, Status: 200}},
	{Name: "not the answer of an org: another charset", fault: Fault{Path: anyData, Header: http.Header{"Content-Type": {"text/plain; charset=ISO-8859-1"}}}},
}
