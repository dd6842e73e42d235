package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"sluice/source"
	"sluice/uri"
)

// grant is what a login gives.
type grant struct {
	token    uri.Secret
	instance string // base URL that serves, which need not be the one that signed in
	org      string // 15 or 18 characters; empty when the login did not tell
	user     string
}

// session holds the current grant and replaces it when it dies. Whoever
// notices first logs in; the others wait for that login and use its grant.
type session struct {
	login   func(ctx context.Context) (grant, error)
	renews  bool          // a second login is possible: not with a bare access token
	turn    chan struct{} // holds one token: who has it may touch the fields below
	current grant
	serial  int // counts logins; 0 means none yet
}

func newSession(login func(context.Context) (grant, error), renews bool) *session {
	s := &session{login: login, renews: renews, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// get gives the current grant and its serial number, logging in when there is
// none or when the one with number dead has died.
func (s *session) get(ctx context.Context, dead int) (grant, int, error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return grant{}, 0, context.Cause(ctx)
	}
	defer func() { s.turn <- struct{}{} }()
	if s.serial > dead {
		return s.current, s.serial, nil
	}
	g, err := s.login(buffering(ctx)) // whatever the request that noticed
	if err != nil {
		return grant{}, 0, err
	}
	if s.serial > 0 {
		if err := s.current.same(g); err != nil {
			return grant{}, 0, err
		}
	}
	s.current = g
	s.serial++
	return s.current, s.serial, nil
}

// base is the address that serves.
func (s *session) base(ctx context.Context) (string, error) {
	g, _, err := s.get(ctx, 0)
	return g.instance, err
}

// same refuses a new grant that would go on with another org's or another
// user's rows.
func (g grant) same(next grant) error {
	for _, id := range [][2]string{{g.org, next.org}, {g.user, next.user}} {
		before, after := id[0], id[1]
		if len(before) >= 15 && len(after) >= 15 && before[:15] != after[:15] {
			return &source.Error{
				Op: "log in again", Kind: source.Refused,
				Err:  fmt.Errorf("the new session belongs to %s, the run began with %s", after, before),
				Mend: "check the credentials; nothing was written",
			}
		}
	}
	return nil
}

// authorizer adds the token, and asks for a new one when the org says that the
// old one has died.
type authorizer struct {
	next    http.RoundTripper
	session *session
	purse   *purse
}

func (a *authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	g, serial, err := a.session.get(req.Context(), 0)
	if err != nil {
		return nil, err
	}
	served := servedBy(req.Context())
	resp, err := a.send(req, g)
	if err != nil || !a.session.renews || !sessionDied(req, resp, 0 < *served && *served < serial) {
		*served = serial
		return resp, err
	}
	resp.Body.Close()
	if g, serial, err = a.session.get(req.Context(), serial); err != nil {
		return nil, err
	}
	*served = serial
	return a.send(req, g)
}

type cursorKey struct{}

// onCursor marks requests as pages of one query, made one after the other.
// served keeps the serial number of the session that answered last, 0 at first.
func onCursor(ctx context.Context, served *int) context.Context {
	return context.WithValue(ctx, cursorKey{}, served)
}

func servedBy(ctx context.Context) *int {
	if served, ok := ctx.Value(cursorKey{}).(*int); ok {
		return served
	}
	return new(int)
}

func (a *authorizer) send(req *http.Request, g grant) (*http.Response, error) {
	answered, err := a.purse.take(req)
	if err != nil {
		return nil, err
	}
	defer answered()
	out := req.Clone(req.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	out.Header.Set("Authorization", "Bearer "+g.token.Reveal())
	return a.next.RoundTrip(out)
}

// sessionDied says whether an answer means that the token is no longer good:
// 401 from REST, 400 with InvalidSessionId from Bulk. A page of a query says the
// same when only its cursor has died, with an older session: that is sure when
// the session was renewed since the page before, and needs no login. The body
// stays readable.
func sessionDied(req *http.Request, resp *http.Response, renewed bool) bool {
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusBadRequest {
		return false
	}
	r := judge(faultOf(req, resp))
	return r.do == renew || r.name == lostWithSession && !renewed
}

// salesforceHosts are the domains that an org may serve from.
var salesforceHosts = []string{
	".salesforce.com", ".force.com", ".cloudforce.com", ".database.com", ".salesforce.mil",
	".sfcrmproducts.cn", ".sfcrmapps.cn",
}

// instanceURL checks the address that a login says to go on with: the token
// goes there, so it must be Salesforce's or the one that signed in.
func instanceURL(signIn, instance string) (string, error) {
	u, err := url.Parse(instance)
	in, _ := url.Parse(signIn)
	if err != nil || u.Host == "" || in == nil {
		return "", errors.New("the login did not say which host serves the org")
	}
	base := u.Scheme + "://" + u.Host
	local := loopback(u.Hostname()) && loopback(in.Hostname())
	if u.Scheme != "https" && !local {
		return "", fmt.Errorf("the login named %s, which is no Salesforce host: it is not an https address", base)
	}
	if local || strings.EqualFold(u.Host, in.Host) {
		return base, nil
	}
	for _, domain := range salesforceHosts {
		if strings.HasSuffix(strings.ToLower(u.Hostname()), domain) {
			return base, nil
		}
	}
	return "", fmt.Errorf("the login named %s, which is no Salesforce host", base)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
