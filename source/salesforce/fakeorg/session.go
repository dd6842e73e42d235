package fakeorg

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// session is one login.
type session struct {
	token   string
	expires time.Time
	limited bool // the password has expired: only setPassword is open
}

// AccessToken makes a valid session and gives its token.
func (o *Org) AccessToken() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open().token
}

// open makes a session. The caller holds mu.
func (o *Org) open() *session {
	n := saltOf(o.config.Seed, "session") + o.next()
	secret := fmt.Sprintf("%016x%016x%016x%016x", mix(n), mix(n+1<<20), mix(n+1<<21), mix(n+1<<22))
	s := &session{token: o.config.OrgID + "!AQEAQ" + secret, expires: o.clock.Now().Add(o.config.TokenTTL)}
	o.sessions[s.token] = s
	return s
}

// ExpireSessions ends every session, as an admin or the passing of time does.
func (o *Org) ExpireSessions() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.sessions)
}

// authenticate finds the session of a request, or says what is wrong with it.
func (o *Org) authenticate(r *http.Request) (*session, *apiError) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" {
		return nil, errSession
	}
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "OAuth") {
		return nil, &apiError{http.StatusUnauthorized, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", nil}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.sessions[strings.TrimSpace(token)]
	switch {
	case s == nil || o.clock.Now().After(s.expires):
		return nil, errSession
	case s.limited:
		return nil, &apiError{http.StatusForbidden, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "The users password has expired, you must call SetPassword before attempting any other API operations", nil}
	case o.knobs.NoAPI:
		return nil, &apiError{http.StatusForbidden, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", nil}
	}
	return s, nil
}

var errSession = &apiError{http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid", nil}
