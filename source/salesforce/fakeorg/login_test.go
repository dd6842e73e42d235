package fakeorg_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

const envelope = `<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Header/><se:Body><login xmlns="urn:partner.soap.sforce.com"><username>integration@example.com</username><password>PASSWORD</password></login></se:Body></se:Envelope>`

// post sends a body and gives the status and the answer.
func post(t *testing.T, address, contentType, body string) (int, string) {
	t.Helper()
	res, err := http.Post(address, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestSOAPLoginAcceptsAndRefusesAsSalesforceDoes(t *testing.T) {
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(fakeorg.Password)
	for _, tt := range []struct {
		name, path, password string
		knobs                fakeorg.Knobs
		status               int
		contains             string
	}{
		{"password and token", "u/60.0", escaped + fakeorg.SecurityToken, fakeorg.Knobs{}, 200, "<serverUrl>http://"},
		{"enterprise endpoint", "c/60.0", escaped + fakeorg.SecurityToken, fakeorg.Knobs{}, 200, "urn:enterprise.soap.sforce.com"},
		{"wrong password", "u/60.0", "wrong", fakeorg.Knobs{}, 500, "<faultcode>INVALID_LOGIN</faultcode>"},
		{"token missing", "u/60.0", escaped, fakeorg.Knobs{}, 500, "INVALID_LOGIN"},
		{"token missing at a new location", "u/60.0", escaped, fakeorg.Knobs{NewLocation: true}, 500, "LOGIN_MUST_USE_SECURITY_TOKEN"},
		{"trusted network", "u/60.0", escaped, fakeorg.Knobs{TrustedNetwork: true}, 200, "sessionId"},
		{"version without login", "u/65.0", escaped + fakeorg.SecurityToken, fakeorg.Knobs{}, 500, "UNSUPPORTED_API_VERSION"},
		{"retired version", "u/30.0", escaped + fakeorg.SecurityToken, fakeorg.Knobs{}, 500, "UNSUPPORTED_API_VERSION"},
		{"switched off", "u/60.0", escaped + fakeorg.SecurityToken, fakeorg.Knobs{NoSOAPLogin: true}, 500, "SOAP API login() is disabled by default in this org."},
		{"prefixed code", "u/60.0", "wrong", fakeorg.Knobs{PrefixedFaults: true}, 500, "<faultcode>sf:INVALID_LOGIN</faultcode>"},
		{"sandbox", "u/60.0", escaped + fakeorg.SecurityToken, fakeorg.Knobs{Sandbox: true}, 200, "<sandbox>true</sandbox>"},
		{"no XML", "u/60.0", "</a>", fakeorg.Knobs{}, 500, "UNKNOWN_EXCEPTION"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			org, base := start(t, fakeorg.Config{Knobs: tt.knobs})
			status, body := post(t, base+"/services/Soap/"+tt.path, "text/xml", strings.Replace(envelope, "PASSWORD", tt.password, 1))
			if status != tt.status || !strings.Contains(body, tt.contains) {
				t.Errorf("%d %s, want %d with %s", status, body, tt.status, tt.contains)
			}
			if status == 200 && !strings.Contains(body, org.InstanceURL()) {
				t.Errorf("serverUrl is not at %s: %s", org.InstanceURL(), body)
			}
		})
	}
}

func TestTokenEndpointAnswersEachFlow(t *testing.T) {
	client := url.Values{"client_id": {fakeorg.ClientID}, "client_secret": {fakeorg.ClientSecret}}
	with := func(pairs ...string) string {
		v := url.Values{}
		for k, s := range client {
			v[k] = s
		}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	for _, tt := range []struct {
		name, body string
		signIn     bool
		knobs      fakeorg.Knobs
		err, text  string
	}{
		{"password", with("grant_type", "password", "username", fakeorg.Username, "password", fakeorg.Password+fakeorg.SecurityToken), true, fakeorg.Knobs{}, "", ""},
		{"wrong password", with("grant_type", "password", "username", fakeorg.Username, "password", "x"), true, fakeorg.Knobs{}, "invalid_grant", "authentication failure"},
		{"password flow off", with("grant_type", "password"), true, fakeorg.Knobs{NoPasswordFlow: true}, "unsupported_grant_type", "grant type not supported"},
		{"refresh", with("grant_type", "refresh_token", "refresh_token", fakeorg.RefreshToken), true, fakeorg.Knobs{}, "", ""},
		{"stale refresh", with("grant_type", "refresh_token", "refresh_token", "x"), true, fakeorg.Knobs{}, "invalid_grant", "expired access/refresh token"},
		{"client", with("grant_type", "client_credentials"), false, fakeorg.Knobs{}, "", ""},
		{"client at the sign-in host", with("grant_type", "client_credentials"), true, fakeorg.Knobs{}, "invalid_grant", "request not supported on this domain"},
		{"client without user", with("grant_type", "client_credentials"), false, fakeorg.Knobs{NoRunAsUser: true}, "invalid_grant", "no client credentials user enabled"},
		{"unknown client", with("grant_type", "client_credentials", "client_id", "x"), false, fakeorg.Knobs{}, "invalid_client_id", "client identifier invalid"},
		{"wrong secret", with("grant_type", "client_credentials", "client_secret", "x"), false, fakeorg.Knobs{}, "invalid_client", "invalid client credentials"},
		{"unknown flow", with("grant_type", "magic"), false, fakeorg.Knobs{}, "unsupported_grant_type", "grant type not supported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			org, base := start(t, fakeorg.Config{Knobs: tt.knobs})
			if !tt.signIn {
				base = org.InstanceURL()
			}
			status, body := post(t, base+"/services/oauth2/token", "application/x-www-form-urlencoded", tt.body)
			var got struct {
				Token, Error, Text, Instance string
			}
			raw := map[string]string{}
			if err := json.Unmarshal([]byte(body), &raw); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			got.Token, got.Error, got.Text, got.Instance = raw["access_token"], raw["error"], raw["error_description"], raw["instance_url"]
			if got.Error != tt.err || got.Text != tt.text || (status == 200) != (tt.err == "") {
				t.Errorf("%d %s, want %s: %s", status, body, tt.err, tt.text)
			}
			if tt.err == "" && got.Instance != org.InstanceURL() {
				t.Errorf("instance_url is %s, want %s", got.Instance, org.InstanceURL())
			}
			if _, told := raw["expires_in"]; told {
				t.Error("the answer says when the token expires, which Salesforce never does")
			}
		})
	}
}

func TestSessionsEnd(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	a.get(200, v60+"/limits", nil)
	a.org.Advance(3 * time.Hour)
	a.wantError(401, "INVALID_SESSION_ID", "GET", v60+"/limits", "")
	a.token = a.org.AccessToken()
	a.get(200, v60+"/limits", nil)
	a.org.ExpireSessions()
	a.wantError(401, "INVALID_SESSION_ID", "GET", v60+"/limits", "")
}

func TestTheSignInHostServesNoData(t *testing.T) {
	org, base := start(t, fakeorg.Config{})
	req, err := http.NewRequestWithContext(t.Context(), "GET", base+v60+"/limits", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+org.AccessToken())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 404 {
		t.Errorf("status %d, want 404", res.StatusCode)
	}
}

// wantError checks the status and the code of a refusal, and gives its text.
func (a *api) wantError(status int, code, method, path, body string) string {
	a.t.Helper()
	var errs []struct{ ErrorCode, Message string }
	a.call(status, method, path, body, &errs)
	if len(errs) != 1 || errs[0].ErrorCode != code {
		a.t.Fatalf("%s %s: %v, want %s", method, path, errs, code)
	}
	return errs[0].Message
}

// serve sends a GET straight to the org and gives the status.
func serve(org *fakeorg.Org, path string) int {
	req := httptest.NewRequest("GET", path, nil)
	req.Header.Set("Authorization", "Bearer "+org.AccessToken())
	rec := httptest.NewRecorder()
	org.ServeHTTP(rec, req)
	return rec.Code
}
