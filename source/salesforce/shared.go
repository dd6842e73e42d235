package salesforce

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"sluice/uri"
)

// Login is one login to an org, which all Sources that it opens share, as they
// share the budget and the connections. What they ask the org for is counted
// for each, the login for the one that needed it first.
type Login struct {
	u       uri.Salesforce
	opt     Options
	session *session
	version *version
	purse   *purse
	places  chan struct{} // of the gate
}

// NewLogin prepares a login; the first Open logs in.
func NewLogin(u uri.Salesforce, o Options) *Login {
	o = o.withDefaults()
	in := &signer{
		http:    &http.Client{Transport: newRetrier(forPayer{}, o, nil), CheckRedirect: sameHost},
		signIn:  u.SignIn,
		version: olderVersion(first(u.APIVersion, DefaultVersion), soapLogin),
	}
	return &Login{u: u, opt: o, session: newSession(in.login(u.Login)), version: newVersion(u.APIVersion), purse: &purse{budget: o.Budget}, places: make(chan struct{}, atOnce)}
}

// Open gives a Source of its own, logged in. It may be called concurrently.
func (l *Login) Open(ctx context.Context) (*Source, error) {
	o := l.opt
	m := &meter{next: o.Transport, agent: o.UserAgent, log: o.Log, idle: o.IdleTimeout, purse: l.purse}
	room := make(spares, keptSpares)
	s := &Source{
		api: &api{
			http:    &http.Client{Transport: newRetrier(&gate{&authorizer{m, l.session, l.purse}, l.places}, o, room), CheckRedirect: sameHost},
			session: l.session,
			version: l.version,
			room:    room,
		},
		meter: m,
		mode:  first(l.u.API, "auto"),
		opt:   o,
	}
	base, err := l.session.base(paidBy(ctx, m))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	_, s.host, _ = strings.Cut(base, "://")
	if o.Budget.Share > 0 {
		if err := s.learnLimit(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

type payerKey struct{}

// paidBy says whose meter counts a login that ctx may come to need.
func paidBy(ctx context.Context, m *meter) context.Context {
	return context.WithValue(ctx, payerKey{}, m)
}

// forPayer sends the requests of a login by the meter of whoever needs it.
type forPayer struct{}

func (forPayer) RoundTrip(req *http.Request) (*http.Response, error) {
	m := req.Context().Value(payerKey{}).(*meter)
	m.purse.spent.Add(1)
	return m.RoundTrip(req)
}
