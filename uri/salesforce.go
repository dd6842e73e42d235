package uri

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Salesforce is an org and a way into it.
type Salesforce struct {
	// SignIn is the base URL that signs in, or for an access token the one
	// that serves: "https://login.salesforce.com", without a trailing slash.
	SignIn string
	Login  Login
	// APIVersion is like "64.0"; "" leaves the choice to the program.
	APIVersion string
	// API is "auto", "rest" or "bulk".
	API string
}

// Login is one of [AccessToken], [Password] and [ClientCredentials].
type Login interface{ login() }

// AccessToken is a session that somebody else has opened.
type AccessToken struct{ Token Secret }

// Password is the login of a person. Token is the security token, empty when
// the network is trusted.
type Password struct {
	Username        string
	Password, Token Secret
}

// ClientCredentials are those of a connected app with a run-as user.
type ClientCredentials struct {
	ID     string
	Secret Secret
}

func (AccessToken) login()       {}
func (Password) login()          {}
func (ClientCredentials) login() {}

// The right forms, for hints.
const (
	tokenForm       = "salesforce://?access_token=…&domain=your-domain.my"
	passwordForm    = "salesforce://?username=…&password=…&token=…&domain=login"
	credentialsForm = "salesforce://?client_id=…&client_secret=…&domain=your-domain.my"
	salesforceForm  = "write " + tokenForm + ", " + passwordForm + " or " + credentialsForm
)

var salesforceParams = []string{
	"access_token", "username", "password", "token", "grant_type", "client_id", "client_secret",
	"domain", "api_version", "api",
}

// oldestVersion is the oldest API version that Salesforce still serves (API
// End-of-Life Policy, 2026).
const oldestVersion = 31

// ParseSalesforce reads an address of an org.
func ParseSalesforce(raw string) (Salesforce, error) {
	rest, err := after(raw, "salesforce", salesforceForm)
	if err != nil {
		return Salesforce{}, err
	}
	query, ok := strings.CutPrefix(strings.TrimPrefix(rest, "/"), "?")
	if !ok {
		return Salesforce{}, &Error{"the Salesforce address has something between :// and ?", salesforceForm}
	}
	p, err := parseParams(query, salesforceParams, salesforceForm)
	if err != nil {
		return Salesforce{}, err
	}
	var s Salesforce
	if s.Login, err = p.login(); err != nil {
		return Salesforce{}, err
	}
	if s.SignIn, err = p.signIn(s.Login); err != nil {
		return Salesforce{}, err
	}
	if s.APIVersion, err = p.apiVersion(); err != nil {
		return Salesforce{}, err
	}
	switch s.API = p["api"]; s.API {
	case "":
		s.API = "auto"
	case "auto", "rest", "bulk":
	default:
		return Salesforce{}, &Error{"parameter api is none of auto, rest and bulk", "leave it out to let sluice choose by the number of rows"}
	}
	return s, nil
}

// way is one way in: the parameters it needs and those it may have.
type way struct {
	form   string
	needed []string
	maybe  string
	make   func(p params) Login
}

var ways = []way{
	{tokenForm, []string{"access_token"}, "", func(p params) Login { return AccessToken{Secret(p["access_token"])} }},
	{passwordForm, []string{"username", "password"}, "token", func(p params) Login {
		return Password{p["username"], Secret(p["password"]), Secret(p["token"])}
	}},
	{credentialsForm, []string{"client_id", "client_secret"}, "grant_type", func(p params) Login {
		return ClientCredentials{p["client_id"], Secret(p["client_secret"])}
	}},
}

// login picks the one way in whose parameters are there, all of them.
func (p params) login() (Login, error) {
	var login Login
	var taken []string
	for _, w := range ways {
		given := p.given(append([]string{w.maybe}, w.needed...))
		if len(given) == 0 {
			continue
		}
		if len(taken) > 0 {
			return nil, &Error{
				fmt.Sprintf("the address has two ways in: %s, and %s", strings.Join(taken, " with "), strings.Join(given, " with ")),
				"leave one of them: " + salesforceForm,
			}
		}
		taken = given
		if len(p.given(w.needed)) == len(w.needed) {
			login = w.make(p)
		}
	}
	if login == nil {
		return nil, p.noLogin()
	}
	if g, ok := p["grant_type"]; ok && g != "client_credentials" {
		return nil, &Error{"parameter grant_type is not client_credentials", "write " + credentialsForm}
	}
	return login, nil
}

// noLogin says which parameter is missing for a way in that was begun.
func (p params) noLogin() error {
	for _, w := range ways {
		given := p.given(append([]string{w.maybe}, w.needed...))
		for _, name := range w.needed {
			if _, ok := p[name]; !ok && len(given) > 0 {
				return &Error{fmt.Sprintf("parameter %s is missing beside %s", name, strings.Join(given, " and ")), "write " + w.form}
			}
		}
	}
	return &Error{"the address has no way in", salesforceForm}
}

func (p params) given(names []string) (given []string) {
	for _, n := range names {
		if _, ok := p[n]; ok {
			given = append(given, n)
		}
	}
	return given
}

// signIn makes a base URL of the domain in any form that people paste.
func (p params) signIn(l Login) (string, error) {
	domain, given := p["domain"]
	if !given {
		if _, ok := l.(Password); ok {
			return "https://login.salesforce.com", nil
		}
		return "", &Error{
			"parameter domain is missing",
			"add domain=your-domain.my (Setup, My Domain); only user names and passwords can sign in at login.salesforce.com",
		}
	}
	return signInURL(domain)
}

const domainForm = "write domain=login, domain=test, domain=your-domain.my, or the host that the browser shows"

// signInURL reads login, test, my-domain, my-domain.my,
// MyDomain--Sandbox.sandbox.my, a host or a URL. Plain http is for loopback
// alone: it would send the secrets in the clear.
func signInURL(domain string) (string, error) {
	scheme, rest, ok := strings.Cut(domain, "://")
	if !ok {
		scheme, rest = "", domain
	}
	host, _, _ := strings.Cut(rest, "/")
	name, port := splitPort(host)
	if !validHost(name) || port == "bad" {
		return "", &Error{"parameter domain is no host name", domainForm}
	}
	local := isLoopback(name)
	switch strings.ToLower(scheme) {
	case "":
		scheme = "https"
		if local {
			scheme = "http"
		}
	case "https":
		scheme = "https"
	case "http":
		if !local {
			return "", &Error{"parameter domain is an http address, which would send the credentials in the clear", "write https:// or leave it out"}
		}
		scheme = "http"
	default:
		return "", &Error{"parameter domain has a scheme that is not https", domainForm}
	}
	name = fullHost(name, local)
	if port != "" {
		name = net.JoinHostPort(name, port)
	} else if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	return scheme + "://" + name, nil
}

// fullHost completes a short domain: the pages of Lightning are not where the
// API is, and a name without dots or ending in .my is Salesforce's.
func fullHost(name string, local bool) string {
	name = strings.ToLower(name)
	if local {
		return name
	}
	if label, ok := strings.CutSuffix(name, ".lightning.force.com"); ok {
		return label + ".my.salesforce.com"
	}
	if label, ok := strings.CutSuffix(name, ".my.salesforce-setup.com"); ok {
		return label + ".my.salesforce.com"
	}
	switch {
	case name == "login" || name == "test" || strings.HasSuffix(name, ".my"):
		return name + ".salesforce.com"
	case !strings.Contains(name, "."):
		return name + ".my.salesforce.com"
	}
	return name
}

// splitPort splits host:port and [host]:port; the port is "bad" when it is no
// number.
func splitPort(host string) (name, port string) {
	if !strings.Contains(host, ":") {
		return host, ""
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return strings.Trim(host, "[]"), ""
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return name, "bad"
	}
	return name, port
}

// validHost says whether s can be a host: a name or an IP address, and nothing
// that could smuggle in a user, a path or a query.
func validHost(s string) bool {
	if ip := net.ParseIP(s); ip != nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 80 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
			if !letter && c != '-' && (c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

func isLoopback(name string) bool {
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

// apiVersion reads 62, 62.0 and v62.0.
func (p params) apiVersion() (string, error) {
	text, ok := p["api_version"]
	if !ok {
		return "", nil
	}
	digits := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(text), "v"), ".0")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 999 || len(digits) > 3 {
		return "", &Error{"parameter api_version is no API version", "write it like 64.0, or leave it out"}
	}
	if n < oldestVersion {
		return "", &Error{fmt.Sprintf("API version %d is retired", n), fmt.Sprintf("use %d.0 or later, or leave api_version out", oldestVersion)}
	}
	return fmt.Sprintf("%d.0", n), nil
}

// String is the address with what is secret in it masked.
func (s Salesforce) String() string {
	var login string
	switch l := s.Login.(type) {
	case AccessToken:
		login = "access_token=" + masked
	case Password:
		login = "username=" + masked + "&password=" + masked
		if l.Token != "" {
			login += "&token=" + masked
		}
	case ClientCredentials:
		login = "client_id=" + masked + "&client_secret=" + masked
	}
	text := "salesforce://?" + login + "&domain=" + s.SignIn
	if s.APIVersion != "" {
		text += "&api_version=" + s.APIVersion
	}
	if s.API != "" && s.API != "auto" {
		text += "&api=" + s.API
	}
	return text
}
