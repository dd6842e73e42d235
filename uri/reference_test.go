package uri

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretsComeFromFilesAndFromTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("SF_SECRET", "p%26&w+d#")
	t.Setenv("SF_EMPTY", "")
	for raw, want := range map[string]Login{
		"client_id=i&client_secret=env:SF_SECRET":                                    ClientCredentials{"i", "p%26&w+d#"},
		"client_id=i&client_secret=@" + write("plain", "s3cr"):                       ClientCredentials{"i", "s3cr"},
		"username=u&password=@" + write("line", "a b%25\n"):                          Password{"u", "a b%25", ""},
		"username=u&password=@" + write("dos", "pw\r\n"):                             Password{"u", "pw", ""},
		"username=u&password=@" + strings.ReplaceAll(write("a b", "pw"), " ", "%20"): Password{"u", "pw", ""},
		"username=u&password=%40home&token=env%3AX":                                  Password{"u", "@home", "env:X"},
		"access_token=env:SF_SECRET":                                                 AccessToken{"p%26&w+d#"},
	} {
		got, err := ParseSalesforce("salesforce://?" + raw + "&domain=acme.my")
		if err != nil || got.Login != want {
			t.Errorf("%s: %v, %v", raw, got.Login, err)
		}
	}
	for raw, want := range map[string]string{
		"env:SF_HUNTER2":                         "not set",
		"env:SF_EMPTY":                           "not set",
		"env:":                                   "not set",
		"@" + dir + "/hunter2":                   "no such file",
		"@hunter2":                               "no such file",
		"@" + dir:                                "is a directory",
		"@" + write("none", "\n"):                "is empty",
		"@" + write("two", "hunter2\nhunter2\n"): "several lines",
		"@" + write("long", strings.Repeat("a", 70_000)): "too long",
		"@/dev/zero": "too long",
	} {
		_, err := ParseSalesforce("salesforce://?client_id=i&client_secret=" + raw + "&domain=acme.my")
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Text, want) || !strings.Contains(e.Text, "client_secret") || e.Mend == "" {
			t.Errorf("%s: %v, want %q", raw, err, want)
			continue
		}
		if strings.Contains(strings.ToLower(e.Text+e.Mend), "hunter2") {
			t.Errorf("what may be a secret is in %q / %q", e.Text, e.Mend)
		}
	}
	if _, err := ParseSalesforce("salesforce://?access_token=t&domain=env:SF_SECRET"); err == nil || strings.Contains(err.Error(), "p%26") {
		t.Errorf("a host came from the environment: %v", err)
	}
}
