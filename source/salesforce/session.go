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
	serial  int   // counts logins; 0 means none yet
	refused error // the last login's, when another one would be no better
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
	if s.refused != nil {
		return grant{}, 0, s.refused
	}
	g, err := s.login(buffering(ctx)) // whatever the request that noticed
	if err == nil && s.serial > 0 {
		err = s.current.same(g)
	}
	if err != nil {
		err = final(err)
		if ctx.Err() == nil && (s.serial == 0 || isRefused(err)) {
			s.refused = err
		}
		return grant{}, 0, err
	}
	s.current = g
	s.serial++
	return s.current, s.serial, nil
}

func isRefused(err error) bool {
	var e *source.Error
	return errors.As(err, &e) && e.Kind == source.Refused
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
	meter   *meter
	session *session
	purse   *purse
}

func (a *authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := paidBy(req.Context(), a.meter)
	g, serial, err := a.session.get(ctx, 0)
	if err != nil {
		return nil, err
	}
	resp, err := a.send(req, g)
	if err != nil {
		return nil, err
	}
	c := cursorOf(ctx)
	if a.session.renews && sessionDied(req, resp) && !c.olderThan(serial) {
		resp.Body.Close()
		if g, serial, err = a.session.get(ctx, serial); err != nil {
			return nil, err
		}
		if resp, err = a.send(req, g); err != nil {
			return nil, err
		}
	}
	if c != nil && resp.StatusCode == http.StatusOK {
		c.session = serial
	}
	return resp, nil
}

// cursor is what the pages of one query hang on. The org ends it with the
// session that made it.
type cursor struct {
	session int // by whose token the last page came; 0 before the first
}

// olderThan says whether the session with that number began after the cursor
// was last good: its next page may be refused while the session lives.
func (c *cursor) olderThan(session int) bool { return c != nil && c.session > 0 && c.session < session }

type cursorKey struct{}

// onCursor marks the requests for the pages of a query.
func onCursor(ctx context.Context, c *cursor) context.Context {
	return context.WithValue(ctx, cursorKey{}, c)
}

func cursorOf(ctx context.Context) *cursor {
	c, _ := ctx.Value(cursorKey{}).(*cursor)
	return c
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
	return a.meter.RoundTrip(out)
}

// sessionDied says whether an answer means that the token is no longer good:
// 401 from REST, 400 with InvalidSessionId from Bulk. A dead session may show
// as a dead locator, which is then made anew. The body stays readable.
func sessionDied(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusBadRequest {
		return false
	}
	r := judge(faultOf(req, resp))
	return r.do == renew || r.name == lostWithSession
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
