package uri

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestEachWayIn(t *testing.T) {
	const host = "https://acme.my.salesforce.com"
	cases := map[string]Salesforce{
		"salesforce://?access_token=00D!AQ.x_y&domain=acme.my":                                   {SignIn: host, Login: AccessToken{"00D!AQ.x_y"}, API: "auto"},
		"salesforce://?username=a@b.example&password=p%26%25w+d&token=T0k":                       {SignIn: "https://login.salesforce.com", Login: Password{"a@b.example", "p&%w+d", "T0k"}, API: "auto"},
		"salesforce://?username=a%40b.example&password=x&domain=test":                            {SignIn: "https://test.salesforce.com", Login: Password{"a@b.example", "x", ""}, API: "auto"},
		"salesforce://?grant_type=client_credentials&client_id=i&client_secret=s&domain=acme.my": {SignIn: host, Login: ClientCredentials{"i", "s"}, API: "auto"},
		"SALESFORCE:///?client_id=i&client_secret=s==&domain=acme&api=bulk&api_version=v62":      {SignIn: host, Login: ClientCredentials{"i", "s=="}, API: "bulk", APIVersion: "62.0"},
	}
	for raw, want := range cases {
		got, err := ParseSalesforce(raw)
		if err != nil || got != want {
			t.Errorf("%s:\ngot  %#v, %v\nwant %#v", raw, got, err, want)
		}
	}
}

func TestDomainInEveryFormThatPeoplePaste(t *testing.T) {
	cases := map[string]string{
		"login":                          "https://login.salesforce.com",
		"test":                           "https://test.salesforce.com",
		"your-domain":                    "https://your-domain.my.salesforce.com",
		"your-domain.my":                 "https://your-domain.my.salesforce.com",
		"MyDomain--Sandbox.sandbox.my":   "https://mydomain--sandbox.sandbox.my.salesforce.com",
		"acme.my.salesforce.com":         "https://acme.my.salesforce.com",
		"acme.my.salesforce.com/":        "https://acme.my.salesforce.com",
		"https://acme.my.salesforce.com": "https://acme.my.salesforce.com",
		"https://acme.my.salesforce.com/services/data":         "https://acme.my.salesforce.com",
		"HTTPS://Acme.Lightning.Force.com/lightning/page/home": "https://acme.my.salesforce.com",
		"acme--uat.sandbox.lightning.force.com":                "https://acme--uat.sandbox.my.salesforce.com",
		"acme.my.salesforce.mil":                               "https://acme.my.salesforce.mil",
		"crm.example.com:8443":                                 "https://crm.example.com:8443",
		"http://127.0.0.1:8080":                                "http://127.0.0.1:8080",
		"127.0.0.1:8080/":                                      "http://127.0.0.1:8080",
		"http://localhost:9":                                   "http://localhost:9",
		"http://[::1]:8080":                                    "http://[::1]:8080",
		"https://localhost:9":                                  "https://localhost:9",
	}
	for domain, want := range cases {
		if got, err := signInURL(domain); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", domain, got, err, want)
		}
	}
	for _, domain := range []string{
		"http://acme.my.salesforce.com", "ftp://acme", "user@acme.my", "acme.my?x=1", "a b", "-", "acme..my", "acme:99999", "acme:x", "http://127.0.0.1.example.com:1", "",
	} {
		if got, err := signInURL(domain); err == nil {
			t.Errorf("%q: %q and no error", domain, got)
		}
	}
}

func TestABadAddressNamesTheParameterAndShowsTheRightFormButNoSecret(t *testing.T) {
	cases := map[string]struct{ text, hint string }{
		"salesforce://?username=u&password=hunter2&acess_token=hunter2":                      {"unknown parameter acess_token", "access_token"},
		"salesforce://?username=u&passwrd=hunter2":                                           {"unknown parameter passwrd", "password"},
		"salesforce://?username=u&password=hun&ter2hunter2":                                  {"unknown parameter after password", "%26"},
		"salesforce://?username=u&password=hun&ter2=hunter2":                                 {"unknown parameter after password", "%26"},
		"salesforce://?username=u&password=hunter2&":                                         {"unknown parameter after password", "%26"},
		"salesforce://?username=u&password=hunter2&&token=hunter2":                           {"unknown parameter after password", "%26"},
		"salesforce://?username=u&password=hunter2&security_token=hunter2":                   {"unknown parameter security_token", "did you mean token?"},
		"salesforce://?username=u&password=hunter2&sandbox=true":                             {"unknown parameter sandbox", "domain=test"},
		"salesforce://?hunter2=u":                                                            {"first parameter is unknown", "username"},
		"salesforce://?username=u&password=hunter2%0a":                                       {"parameter password holds a control character", "line end"},
		"salesforce://?username=u&password=hunter2%ff":                                       {"parameter password holds a control character", "UTF-8"},
		"salesforce://?username=u&password=hun%ter2hunter2":                                  {"parameter password holds a %", "%25"},
		"salesforce://?username=u&password=hunter2 hunter2":                                  {"parameter password holds a blank", "%20"},
		"salesforce://?username=u&password=hunter2\n":                                        {"parameter password holds a blank", "pasted"},
		"salesforce://?username=u&password=hunter2#x":                                        {"parameter password holds", "%23"},
		"salesforce://?username=u&password=":                                                 {"parameter password is empty", "username"},
		"salesforce://?username=u&password=hunter2&password=hunter2":                         {"parameter password is given twice", ""},
		"salesforce://?username=u":                                                           {"parameter password is missing beside username", "password=…"},
		"salesforce://?token=hunter2":                                                        {"parameter username is missing beside token", "username=…"},
		"salesforce://?client_secret=hunter2&domain=acme.my":                                 {"parameter client_id is missing", "client_id=…"},
		"salesforce://?grant_type=password&client_id=i&client_secret=hunter2&domain=acme.my": {"grant_type is not client_credentials", "client_id=…"},
		"salesforce://?access_token=hunter2&username=u&password=hunter2&domain=acme.my":      {"two ways in", "leave one"},
		"salesforce://?access_token=hunter2":                                                 {"domain is missing", "your-domain.my"},
		"salesforce://?client_id=i&client_secret=hunter2":                                    {"domain is missing", "your-domain.my"},
		"salesforce://?": {"no way in", "access_token"},
		"salesforce://":  {"between :// and ?", "access_token"},
		"salesforce://u:hunter2@login.salesforce.com":                          {"between :// and ?", "username=…"},
		"salesforce://?access_token=hunter2&domain=acme.my&api=soap":           {"parameter api", "leave it out"},
		"salesforce://?access_token=hunter2&domain=acme.my&api_version=30":     {"version 30 is retired", "31.0"},
		"salesforce://?access_token=hunter2&domain=acme.my&api_version=latest": {"api_version is no API version", "64.0"},
		"postgres://u:hunter2@h/db":                                            {"begins with postgres://", "salesforce://"},
		"hunter2":                                                              {"no scheme", "salesforce://"},
	}
	for raw, want := range cases {
		_, err := ParseSalesforce(raw)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if !strings.Contains(e.Text, want.text) || !strings.Contains(e.Mend, want.hint) {
			t.Errorf("%s:\n%s\n%s\nwant %q and %q", raw, e.Text, e.Mend, want.text, want.hint)
		}
		if strings.Contains(e.Text+e.Mend, "hunter2") || strings.Contains(e.Text+e.Mend, "ter2") {
			t.Errorf("a secret is in %q / %q", e.Text, e.Mend)
		}
	}
}

func TestDuckDBPaths(t *testing.T) {
	for raw, want := range map[string]string{
		"duckdb:///crm.db": "crm.db", "duckdb:////var/data/crm.db": "/var/data/crm.db", "duckdb://:memory:": Memory, "duckdb:///:memory:": Memory,
		"duckdb:///data/crm.db": "data/crm.db", "duckdb:///a%20b%3F.db": "a b?.db", "duckdb:///C%25.db": "C%.db",
	} {
		got, err := ParseDuckDB(raw)
		if err != nil || got.Path != want {
			t.Errorf("%s: %q, %v, want %q", raw, got.Path, err, want)
		}
		if again, err := ParseDuckDB(got.String()); err != nil || again != got {
			t.Errorf("%s prints as %s, which is %q, %v", raw, got, again.Path, err)
		}
	}
	for _, raw := range []string{"duckdb://crm.db", "duckdb:///", "duckdb://", "duckdb:///a.db?x=1", "duckdb:///a#b", "duckdb:///a%zz", "duckdb:///dir/", "duckdb:///a%00b", "crm.db", "sqlite:///x"} {
		var e *Error
		if _, err := ParseDuckDB(raw); !errors.As(err, &e) || e.Mend == "" {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestASecretIsMaskedHoweverItIsPrinted(t *testing.T) {
	l := Password{"ann", "hunter2", "hunter2"}
	s := Salesforce{SignIn: "https://x", Login: l}
	js, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", l.Password, "login", l, "address", s)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", l.Password, "login", l)
	for _, text := range []string{
		fmt.Sprint(l), fmt.Sprintf("%v %+v %#v %s %q %x %d", l, l, l, l.Password, l.Password, l.Password, l.Password), string(js), log.String(), s.String(),
		fmt.Sprintf("%x %#v %+v", s, s, &s),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
			t.Errorf("the secret is in %s", text)
		}
	}
	if l.Password.Reveal() != "hunter2" {
		t.Error("Reveal does not reveal")
	}
}

func FuzzNoAddressPanicsOrShowsASecret(f *testing.F) {
	for _, s := range []string{
		"salesforce://?username=a&password=%s&token=%s", "salesforce://?access_token=%s&domain=acme", "salesforce://u:%s@h/?x=%s",
		"duckdb:///x", "salesforce://?client_id=%s&client_secret=%s&domain=http://[::1", "%s", "salesforce://?password=%%%s",
	} {
		f.Add(s)
	}
	const secret = "s3cr3tS3CR3T"
	f.Fuzz(func(t *testing.T, shape string) {
		if strings.Contains(shape, "=@") {
			t.Skip() // it would read whatever file that is
		}
		raw := strings.ReplaceAll(shape, "%s", secret)
		_, badScheme := Scheme(raw)
		s, badSalesforce := ParseSalesforce(raw)
		_, badDuckDB := ParseDuckDB(raw)
		for _, err := range []error{badScheme, badSalesforce, badDuckDB} {
			var e *Error
			if errors.As(err, &e) && strings.Contains(e.Text+e.Mend, secret) {
				t.Errorf("%q: %s / %s", raw, e.Text, e.Mend)
			}
		}
		if badSalesforce == nil && strings.Contains(fmt.Sprintf("%v %#v", s, s), secret) && !strings.Contains(public(s), secret) {
			t.Errorf("%q prints as %v", raw, s)
		}
	})
}

// public is what of an address may be shown by a careless %#v.
func public(s Salesforce) string {
	switch l := s.Login.(type) {
	case Password:
		return s.SignIn + l.Username
	case ClientCredentials:
		return s.SignIn + l.ID
	}
	return s.SignIn
}
