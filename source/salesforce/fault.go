package salesforce

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"sluice/source"
)

// apiError is an answer of the org that says no. It is always wrapped in a
// source.Error, which says what was asked for and what to do.
type apiError struct {
	Status  int    // HTTP
	Code    string // Salesforce's: INVALID_FIELD; empty when a proxy answered
	Message string
}

func (e *apiError) Error() string {
	switch {
	case e.Code == "":
		return fmt.Sprintf("HTTP %d: %s", e.Status, e.Message)
	case e.Message == "" || e.Message == e.Code:
		return e.Code
	default:
		return e.Code + ": " + e.Message
	}
}

// isStatus says whether err is an answer with that HTTP status.
func isStatus(err error, status int) bool {
	var e *apiError
	return errors.As(err, &e) && e.Status == status
}

// parseFault reads the body of an answer that says no. REST and Bulk 2.0 send
// an array of errors, Bulk 1.0 one with exceptionCode, OAuth one with error,
// SOAP an envelope, and proxies whatever they like.
func parseFault(status int, body []byte) *apiError {
	if e := parseSOAPFault(body); e != nil {
		return e
	}
	type fault struct {
		Code             string `json:"errorCode"`
		Message          string `json:"message"`
		ExceptionCode    string `json:"exceptionCode"`
		ExceptionMessage string `json:"exceptionMessage"`
		Error            string `json:"error"`
		Description      string `json:"error_description"`
	}
	var list []fault
	var one fault
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		one = list[0]
	} else if json.Unmarshal(body, &one) != nil {
		one.Message = plainText(body)
	}
	e := &apiError{
		Status:  status,
		Code:    first(one.Code, one.ExceptionCode, one.Error),
		Message: oneLine(first(one.Message, one.ExceptionMessage, one.Description)),
	}
	if e.Message == "" {
		e.Message = http.StatusText(status)
	}
	return e
}

// parseSOAPFault reads a SOAP fault, nil when body is none. SOAP sends all of
// them as HTTP 500, whatever they mean; the code, with or without "sf:" before
// it, is what tells.
func parseSOAPFault(body []byte) *apiError {
	var fault struct {
		Code string `xml:"Body>Fault>faultcode"`
		Text string `xml:"Body>Fault>faultstring"`
	}
	if !bytes.Contains(body, []byte("faultcode")) || xml.Unmarshal(body, &fault) != nil || fault.Code == "" {
		return nil
	}
	code := fault.Code[strings.LastIndexByte(fault.Code, ':')+1:]
	return &apiError{Status: http.StatusBadRequest, Code: code, Message: oneLine(strings.TrimPrefix(fault.Text, code+": "))}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// oneLine joins the lines of Salesforce's query errors: the statement, a caret
// and the reason.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

var htmlTag = regexp.MustCompile(`(?s)<(script|style)\b.*?</(script|style)>|<[^>]*>`)

// plainText is the readable part of a page that some proxy sent.
func plainText(body []byte) string {
	if len(body) > 4096 {
		body = body[:4096]
	}
	return excerpt([]byte(oneLine(string(htmlTag.ReplaceAll(body, []byte(" "))))))
}

// verdict is what an answer means and what to do about it.
type verdict struct {
	kind  source.Kind
	again bool // the same request may succeed if sent again
	mend  string
}

// judge tells what e means. Codes come first: the same status has many causes,
// and one code (REQUEST_LIMIT_EXCEEDED) has two.
func judge(e *apiError) verdict {
	switch code := strings.ToUpper(e.Code); {
	case strings.Contains(code, "REQUEST_LIMIT_EXCEEDED") && strings.Contains(e.Message, "Concurrent"):
		return verdict{source.TryLater, true, "too many long requests run in the org at once; try again later"}
	case strings.Contains(code, "REQUEST_LIMIT_EXCEEDED"):
		return verdict{source.BudgetSpent, false, "the org's API requests of the last 24 hours are used up; run again when some have expired (Setup, Company Information)"}
	case code == "INVALID_SESSION_ID" || code == "INVALIDSESSIONID" || code == "INVALID_AUTH_HEADER":
		return verdict{source.Refused, false, "the access token has expired or was revoked: get a new one, or use client credentials, which log in again by themselves"}
	case code == "API_DISABLED_FOR_ORG" || code == "API_CURRENTLY_DISABLED" || code == "FUNCTIONALITY_NOT_ENABLED" || code == "FEATURENOTENABLED":
		return verdict{source.Refused, false, "the org or the user has no API access: enable \"API Enabled\" in the user's profile or permission set"}
	case strings.HasPrefix(code, "INSUFFICIENT_ACCESS"):
		return verdict{source.Refused, false, "give the user read permission on the object"}
	case code == "QUERY_TIMEOUT" || code == "UNABLE_TO_LOCK_ROW" || code == "SERVER_UNAVAILABLE":
		return verdict{source.TryLater, true, "Salesforce was busy; try again later"}
	case code == "INVALID_FIELD" || code == "INVALID_TYPE" || code == "MALFORMED_QUERY":
		return verdict{source.Failed, false, "the org changed while it was read, or hides the field or object from this user; run again"}
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return verdict{source.Refused, false, "the org does not accept the login; check the credentials"}
	case http.StatusForbidden:
		return verdict{source.Refused, false, "the user lacks a permission in the org"}
	case http.StatusGone:
		return verdict{source.BadRequest, false, "this API version is retired; leave api_version out of the address"}
	case http.StatusNotAcceptable, http.StatusRequestTimeout, 420, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return verdict{source.TryLater, true, "Salesforce is down or throttles; see status.salesforce.com and try again later"}
	}
	return verdict{kind: source.Failed}
}

// refusal wraps an answer that says no for the caller of op.
func refusal(op string, e *apiError) *source.Error {
	v := judge(e)
	return &source.Error{Op: op, Kind: v.kind, Code: e.Code, Err: e, Mend: v.mend, Again: v.again}
}
