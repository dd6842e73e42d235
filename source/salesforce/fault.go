package salesforce

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"sluice/source"
)

// apiError is an answer of the org that says no. It is always wrapped in a
// source.Error, which says what was asked for and what to do.
type apiError struct {
	Call    call
	Status  int    // HTTP
	Code    string // Salesforce's: INVALID_FIELD; empty when a proxy answered
	Message string
	Left    int64 // of the day's calls, when the answer tells; else 0
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
func parseFault(on call, status int, body []byte) *apiError {
	if e := parseSOAPFault(body); e != nil {
		e.Call = on
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
		Call:    on,
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
// and the reason. A session id, which a proxy may show with the request that it
// did not like, is masked (P10).
func oneLine(s string) string {
	return sessionID.ReplaceAllLiteralString(strings.Join(strings.Fields(s), " "), "***")
}

// sessionID is what access tokens of Salesforce look like.
var sessionID = regexp.MustCompile(`00D[0-9A-Za-z]{12,15}(!|%21)[^\s"'<>&]+`)

var htmlTag = regexp.MustCompile(`(?s)<(script|style)\b.*?</(script|style)>|<[^>]*>`)

// plainText is the readable part of a page that some proxy sent.
func plainText(body []byte) string {
	if len(body) > 4096 {
		body = body[:4096]
	}
	return excerpt([]byte(oneLine(string(htmlTag.ReplaceAll(body, []byte(" "))))))
}

// faultOf reads an answer that says no, whose body may still be wanted.
func faultOf(req *http.Request, resp *http.Response) *apiError {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxFault))
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	e := parseFault(callOf(req.Method, req.URL.Path), resp.StatusCode, body)
	if used, most, ok := parseLimit(resp.Header.Get("Sforce-Limit-Info")); ok {
		e.Left = most - used
	}
	return e
}

// refusal wraps an answer that says no for the caller of op.
func refusal(op string, e *apiError) *source.Error {
	r := judge(e)
	return &source.Error{Op: op, Kind: r.kind, Code: e.Code, Err: e, Mend: r.mend, Again: r.do == again}
}
