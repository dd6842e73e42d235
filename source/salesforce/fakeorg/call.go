package fakeorg

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// call is one authenticated request to the REST API.
type call struct {
	org      *Org
	w        http.ResponseWriter
	r        *http.Request
	version  int
	segments []string // of the path, below the version, still escaped
	session  *session
}

// apiError is a refusal in the form of the REST API: an array of one error.
type apiError struct {
	status  int
	code    string
	message string
	fields  []string // of a DML error; nil leaves the key out
}

var errNotFound = &apiError{http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist", nil}

func badRequest(code, message string) *apiError {
	return &apiError{http.StatusBadRequest, code, message, nil}
}

func (c *call) base() string { return fmt.Sprintf("/services/data/v%d.0", c.version) }

// only refuses methods that a resource does not have.
func (c *call) only(methods ...string) *apiError {
	for _, m := range methods {
		if c.r.Method == m || m == http.MethodGet && c.r.Method == http.MethodHead {
			return nil
		}
	}
	c.w.Header().Set("Allow", strings.Join(methods, ","))
	return &apiError{
		http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED",
		fmt.Sprintf("HTTP Method '%s' not allowed. Allowed are %s", c.r.Method, strings.Join(methods, ",")), nil,
	}
}

func (c *call) fail(e *apiError) {
	var b []byte
	if e.code == "NOT_FOUND" {
		b = append(b, `[{"errorCode":"NOT_FOUND","message":`...)
		b = append(appendString(b, e.message), '}', ']')
	} else {
		b = append(appendString(append(b, `[{"message":`...), e.message), `,"errorCode":`...)
		b = appendString(b, e.code)
		if e.fields != nil {
			fields, _ := json.Marshal(e.fields)
			b = append(append(b, `,"fields":`...), fields...)
		}
		b = append(b, '}', ']')
	}
	c.reply(e.status, jsonType, b)
}

const jsonType = "application/json;charset=UTF-8"

func (c *call) json(status int, v any) *apiError {
	b, err := marshal(v)
	if err != nil {
		return &apiError{http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 1452464078-314667 (-1173371248)", nil}
	}
	c.reply(status, jsonType, b)
	return nil
}

// marshal leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return []byte(strings.TrimSuffix(b.String(), "\n")), err
}

// reply sends a body with the headers that every answer of the REST API has:
// in chunks, compressed when the client asked for it.
func (c *call) reply(status int, contentType string, body []byte) {
	c.headers()
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Transfer-Encoding", "chunked")
	if !c.wantsGzip() || len(body) == 0 {
		c.w.WriteHeader(status)
		if c.r.Method != http.MethodHead {
			_, _ = c.w.Write(body)
		}
		return
	}
	h.Set("Content-Encoding", "gzip")
	c.w.WriteHeader(status)
	z := gzipWriter(c.w)
	defer releaseGzip(z)
	_, _ = z.Write(body)
	_ = z.Close()
}

func (c *call) noContent() *apiError {
	c.headers()
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) headers() {
	h := c.w.Header()
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", noCache)
	h.Set("Server", "sfdcedge")
	h.Set("X-Robots-Tag", "none")
	h.Set("X-Sfdc-Edge-Cache", "none")
	h.Add("Set-Cookie", "BrowserId=fk0rgBrowser; domain=.salesforce.com; path=/")
	c.org.mu.Lock()
	used, limit := c.org.used, c.org.config.APILimit
	c.org.mu.Unlock()
	if c.session != nil {
		h.Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", used, limit))
	}
}

func (c *call) wantsGzip() bool {
	return strings.Contains(strings.ToLower(c.r.Header.Get("Accept-Encoding")), "gzip")
}

// maxBody is the largest request body that the REST API takes.
const maxBody = 50 << 20

// body reads the request's body, compressed or not.
func (c *call) body() ([]byte, *apiError) {
	in := io.LimitReader(c.r.Body, maxBody)
	if strings.EqualFold(c.r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, badRequest("JSON_PARSER_ERROR", "Not in GZIP format")
		}
		in = io.LimitReader(z, maxBody)
	}
	b, err := io.ReadAll(in)
	if err != nil {
		return nil, badRequest("UNKNOWN_EXCEPTION", "The request body was cut off")
	}
	return b, nil
}

// decode reads a JSON body into v.
func (c *call) decode(v any) *apiError {
	b, err := c.body()
	if err != nil {
		return err
	}
	if len(strings.TrimSpace(string(b))) == 0 {
		return badRequest("JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.")
	}
	if bad := json.Unmarshal(b, v); bad != nil {
		return badRequest("JSON_PARSER_ERROR", "Unexpected character ('"+string(rune(b[0]))+"' (code "+fmt.Sprint(b[0])+")) at [line:1, column:1]")
	}
	return nil
}

// notFoundPage is what hosts answer to paths that are no API.
func (o *Org) notFoundPage(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "<html><head><title>URL No Longer Exists</title></head><body>URL No Longer Exists</body></html>")
}

func (o *Org) tooLong(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html;charset=iso-8859-1")
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusRequestURITooLong)
	_, _ = io.WriteString(w, "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>")
}
