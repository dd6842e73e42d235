package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/simpleforce/simpleforce"

	"sluice/uri"
)

// signer logs in to one org. Its client has the transport's retries and
// counting, but no token.
type signer struct {
	http    *http.Client
	signIn  string
	version string // of SOAP; an older one once the org was found not to serve it
	secrets []uri.Secret
}

// login picks the way in that the address names, and says whether it can be
// gone twice.
func (s *signer) login(l uri.Login) (login func(context.Context) (grant, error), renews bool) {
	switch l := l.(type) {
	case uri.Password:
		s.secrets = []uri.Secret{l.Password + l.Token, l.Password, l.Token}
		return func(ctx context.Context) (grant, error) { return s.password(ctx, l) }, true
	case uri.ClientCredentials:
		s.secrets = []uri.Secret{l.Secret}
		return func(ctx context.Context) (grant, error) { return s.clientCredentials(ctx, l) }, true
	case uri.AccessToken:
		g := grant{token: l.Token, instance: s.signIn, org: orgOfToken(l.Token.Reveal())}
		return func(context.Context) (grant, error) { return g, nil }, false
	}
	return func(context.Context) (grant, error) { return grant{}, errors.New("no login in the address") }, false
}

// orgOfToken reads the org id that session ids start with, up to a "!".
func orgOfToken(token string) string {
	if org, _, ok := strings.Cut(token, "!"); ok && strings.HasPrefix(org, "00D") && (len(org) == 15 || len(org) == 18) {
		return org
	}
	return ""
}

// idsOfIdentity are the ids in the address of a user, which is
// https://login.salesforce.com/id/ORG/USER; empty when it is no such address.
func idsOfIdentity(address string) (org, user string) {
	_, ids, _ := strings.Cut(address, "/id/")
	org, user, _ = strings.Cut(ids, "/")
	if !strings.HasPrefix(org, "00D") || len(org) < 15 {
		return "", ""
	}
	return org, user
}

// clientCredentials asks the token endpoint for a session of the app's run-as
// user (OAuth 2.0 client credentials flow).
func (s *signer) clientCredentials(ctx context.Context, l uri.ClientCredentials) (grant, error) {
	if u, err := url.Parse(s.signIn); err == nil && (u.Hostname() == "login.salesforce.com" || u.Hostname() == "test.salesforce.com") {
		return grant{}, s.refused("request not supported on this domain", "invalid_grant")
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {l.ID}, "client_secret": {l.Secret.Reveal()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.signIn+"/services/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return grant{}, errors.New("the sign-in address is none")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", jsonType)
	resp, err := s.http.Do(req)
	if err != nil {
		return grant{}, networkError(s.op(), req.URL.Host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return grant{}, networkError(s.op(), req.URL.Host, err)
	}
	var answer struct {
		AccessToken uri.Secret `json:"access_token"`
		InstanceURL string     `json:"instance_url"`
		ID          string     `json:"id"`
	}
	if resp.StatusCode != http.StatusOK {
		return grant{}, s.denied(parseFault(callLogin, resp.StatusCode, body))
	}
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" {
		return grant{}, s.refused("the answer holds no access token", "")
	}
	g := grant{token: answer.AccessToken}
	g.org, g.user = idsOfIdentity(answer.ID)
	g.org = first(g.org, orgOfToken(g.token.Reveal()))
	g.instance, err = instanceURL(s.signIn, first(answer.InstanceURL, s.signIn))
	if err != nil {
		return grant{}, s.refused(err.Error(), "")
	}
	return g, nil
}

// soapLogin is the last API version that has the SOAP login call; it is off by
// default in new orgs and retires with Summer '27.
const soapLogin = "64.0"

// soapResult is what login() answers, as far as simpleforce does not tell it.
type soapResult struct {
	Org     string `xml:"Body>loginResponse>result>userInfo>organizationId"`
	User    string `xml:"Body>loginResponse>result>userId"`
	Server  string `xml:"Body>loginResponse>result>serverUrl"`
	Expired bool   `xml:"Body>loginResponse>result>passwordExpired"`
}

// password logs in with user name, password and security token by SOAP, by the
// newest version that the org serves.
func (s *signer) password(ctx context.Context, l uri.Password) (grant, error) {
	g, err := s.soap(ctx, l)
	if unservedVersion(err) {
		if older := s.newestServed(ctx); older != "" && older != s.version {
			s.version = older
			g, err = s.soap(ctx, l)
		}
	}
	if ctx.Err() != nil {
		return grant{}, networkError(s.op(), hostOf(s.signIn), context.Cause(ctx))
	}
	if fault, ok := errors.AsType[*apiError](err); ok {
		return grant{}, s.denied(fault)
	}
	return g, err
}

// newestServed asks the host that signs in which API versions it serves, for
// which no session is needed, and picks the newest that is no newer than the one
// in use; empty when it does not tell.
func (s *signer) newestServed(ctx context.Context) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.signIn+versionsPath, nil)
	if err != nil {
		return ""
	}
	req.Header.Set("Accept", jsonType)
	resp, err := s.http.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	var list versionList
	if json.NewDecoder(resp.Body).Decode(&list) != nil {
		return ""
	}
	best := ""
	for _, each := range list.sorted() {
		if versionNumber(each) <= versionNumber(s.version) {
			best = each
		}
	}
	return best
}

// soap is one try to log in by SOAP. A fault comes as an [*apiError].
func (s *signer) soap(ctx context.Context, l uri.Password) (grant, error) {
	silenceLog()
	var result soapResult
	client := simpleforce.NewClient(s.signIn, "sluice", s.version)
	client.SetHttpClient(&http.Client{
		Transport:     &soapTransport{ctx: ctx, client: s.http, result: &result},
		CheckRedirect: sameHost,
	})
	// simpleforce escapes the password alone.
	err := client.LoginPassword(html.EscapeString(l.Username), l.Password.Reveal(), html.EscapeString(l.Token.Reveal()))
	fault, ok := errors.AsType[*apiError](err)
	switch {
	case ok:
		return grant{}, fault
	case err != nil:
		return grant{}, networkError(s.op(), hostOf(s.signIn), err)
	case result.Expired:
		return grant{}, s.refused("the password has expired", "INVALID_OPERATION_WITH_EXPIRED_PASSWORD")
	case client.GetSid() == "":
		return grant{}, s.refused("the answer holds no session", "")
	}
	g := grant{token: uri.Secret(client.GetSid()), org: first(result.Org, orgOfToken(client.GetSid())), user: result.User}
	if g.instance, err = instanceURL(s.signIn, result.Server); err != nil {
		return grant{}, s.refused(err.Error(), "")
	}
	return g, nil
}

// silenceLog ends the output of package log, which nothing but simpleforce
// uses: it prints whole answers.
var silenceLog = sync.OnceFunc(func() { log.SetOutput(io.Discard) })

// soapTransport gives simpleforce's request a context, turns faults into
// errors, and keeps what simpleforce drops from the answer.
type soapTransport struct {
	ctx    context.Context //nolint:containedctx // simpleforce makes the request and knows no context
	client *http.Client
	result *soapResult
}

func (t *soapTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.client.Transport.RoundTrip(req.WithContext(t.ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if to, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		if err := sameHost(&http.Request{URL: to}, []*http.Request{req}); err != nil {
			return nil, err
		}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, parseFault(callLogin, resp.StatusCode, body)
	}
	if err := xml.Unmarshal(body, t.result); err != nil {
		return nil, &apiError{Status: resp.StatusCode, Message: "the answer is no SOAP: " + plainText(body)}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func (s *signer) op() string { return "log in to " + hostOf(s.signIn) }

func hostOf(base string) string {
	if u, err := url.Parse(base); err == nil {
		return u.Host
	}
	return "the sign-in host"
}

// denied is a login that was turned away, or that met an org that is down.
func (s *signer) denied(fault *apiError) error {
	fault.Message, fault.Code = plainText([]byte(s.mask(fault.Message))), s.mask(fault.Code)
	r := judge(fault)
	e := refusal(s.op(), fault)
	if fault.Code == "" && r.do != again {
		e.Err = errors.New(fault.Message)
	}
	return e
}

// refused is a login whose answer is of no use.
func (s *signer) refused(message, code string) error {
	return s.denied(&apiError{Call: callLogin, Status: http.StatusBadRequest, Code: code, Message: message})
}

// mask takes out of a text what was sent with the login, should the other side
// have repeated it (P10).
func (s *signer) mask(text string) string {
	for _, secret := range s.secrets {
		for _, spelled := range []string{secret.Reveal(), url.QueryEscape(secret.Reveal()), html.EscapeString(secret.Reveal())} {
			if spelled != "" {
				text = strings.ReplaceAll(text, spelled, "***")
			}
		}
	}
	return text
}
