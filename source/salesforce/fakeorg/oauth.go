package fakeorg

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// grant is one way to ask for a token. It says why it refuses, "" for yes.
type grant func(o *Org, r *http.Request, k Knobs) (code, description string)

var grants = map[string]grant{
	"password":           passwordGrant,
	"refresh_token":      refreshGrant,
	"client_credentials": clientGrant,
}

// serveToken answers /services/oauth2/token.
func (o *Org) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		o.oauthError(w, "invalid_request", "must use HTTP POST")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		o.oauthError(w, "invalid_request", "malformed request body")
		return
	}
	kind, knobs := r.Form.Get("grant_type"), o.knob()
	g := grants[kind]
	if g == nil {
		o.oauthError(w, "unsupported_grant_type", "grant type not supported")
		return
	}
	if code, description := g(o, r, knobs); code != "" {
		o.oauthError(w, code, description)
		return
	}
	o.writeToken(w, r, kind, knobs)
}

func passwordGrant(o *Org, r *http.Request, k Knobs) (code, description string) {
	if k.NoPasswordFlow {
		return "unsupported_grant_type", "grant type not supported"
	}
	if code, description = checkClient(r, true); code != "" {
		return code, description
	}
	if refused, _ := o.judge(r.Form.Get("username"), r.Form.Get("password"), k); refused != "" {
		return "invalid_grant", "authentication failure"
	}
	return "", ""
}

func refreshGrant(_ *Org, r *http.Request, _ Knobs) (code, description string) {
	if code, description = checkClient(r, false); code != "" {
		return code, description
	}
	if r.Form.Get("refresh_token") != RefreshToken {
		return "invalid_grant", "expired access/refresh token"
	}
	return "", ""
}

// clientGrant works on the org's own domain alone.
func clientGrant(o *Org, r *http.Request, k Knobs) (code, description string) {
	host, _, _ := strings.Cut(r.Host, ":")
	if r.Host == o.signIn || strings.HasPrefix(host, "login.") || strings.HasPrefix(host, "test.") {
		return "invalid_grant", "request not supported on this domain"
	}
	if code, description = checkClient(r, true); code != "" {
		return code, description
	}
	if k.NoRunAsUser {
		return "invalid_grant", "no client credentials user enabled"
	}
	return "", ""
}

// checkClient judges the consumer key and secret, from the body or from a Basic
// header.
func checkClient(r *http.Request, secretNeeded bool) (code, description string) {
	id, secret := r.Form.Get("client_id"), r.Form.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok && id == "" {
		id, secret = user, password
	}
	switch {
	case id != ClientID:
		return "invalid_client_id", "client identifier invalid"
	case secret != ClientSecret && (secretNeeded || secret != ""):
		return "invalid_client", "invalid client credentials"
	default:
		return "", ""
	}
}

func (o *Org) oauthError(w http.ResponseWriter, code, description string) {
	o.oauthHeaders(w)
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description})
}

func (o *Org) oauthHeaders(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", noCache)
	w.Header().Set("Set-Cookie", "BrowserId=fk0rgBrowser; domain=.salesforce.com; path=/")
}

// writeToken opens a session. issued_at is a text of epoch milliseconds, and
// nothing says when the token expires.
func (o *Org) writeToken(w http.ResponseWriter, r *http.Request, kind string, k Knobs) {
	o.mu.Lock()
	s := o.open()
	o.mu.Unlock()
	id := "https://login.salesforce.com/id/" + o.ID() + "/" + o.UserID()
	issued := strconv.FormatInt(o.clock.Now().UnixMilli(), 10)
	sum := sha256.Sum256([]byte(id + issued))
	signature := base64.StdEncoding.EncodeToString(sum[:])
	o.oauthHeaders(w)
	switch {
	case kind == "password":
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"instance_url":%q,"id":%q,"token_type":"Bearer","issued_at":%q,"signature":%q}`,
			s.token, o.instanceFor(r), id, issued, signature)
	case kind == "client_credentials" && k.ClientCredentialsBare:
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"scope":"api","instance_url":%q,"id":%q,"token_type":"Bearer"}`, s.token, o.instanceFor(r), id)
	default:
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"signature":%q,"scope":"refresh_token api","instance_url":%q,"id":%q,"token_type":"Bearer","issued_at":%q}`,
			s.token, signature, o.instanceFor(r), id, issued)
	}
}

// serveUserInfo answers /services/oauth2/userinfo.
func (o *Org) serveUserInfo(w http.ResponseWriter, r *http.Request) {
	if _, refused := o.authenticate(r); refused != nil {
		http.Error(w, "Bad_OAuth_Token", http.StatusForbidden)
		return
	}
	base := o.instanceFor(r)
	o.oauthHeaders(w)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"sub": "https://login.salesforce.com/id/" + o.ID() + "/" + o.UserID(), "user_id": o.UserID(), "organization_id": o.ID(),
		"preferred_username": Username, "name": "Integration User", "email": Username, "email_verified": true, "zoneinfo": "America/Los_Angeles",
		"urls": map[string]string{"rest": base + "/services/data/v{version}/", "query": base + "/services/data/v{version}/query/", "custom_domain": base},
	})
}
