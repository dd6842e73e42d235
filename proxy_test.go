package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// proxy is one that tunnels every CONNECT to the same address, or refuses with
// a status.
type proxy struct {
	to     string
	status int

	mu    sync.Mutex
	asked []string // hosts
	heads []string // what came with them
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head, _ := json.Marshal(r.Header)
	p.mu.Lock()
	p.asked, p.heads = append(p.asked, r.Method+" "+r.Host), append(p.heads, string(head))
	p.mu.Unlock()
	if p.status != 0 || r.Method != http.MethodConnect {
		w.WriteHeader(max(p.status, http.StatusMethodNotAllowed))
		return
	}
	up, err := new(net.Dialer).DialContext(r.Context(), "tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer up.Close()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(up, conn) }()
	_, _ = io.Copy(conn, up)
}

// TestProxiesAreHonoured loads from https://acme.my.salesforce.com, which is
// reached through a proxy alone, and whose certificate is known by
// SSL_CERT_FILE. Neither the proxy nor the output gets a secret.
func TestProxiesAreHonoured(t *testing.T) {
	const host = "acme.my.salesforce.com"
	org := fakeorg.New(fakeorg.Config{Rows: map[string]int{small: 50}, InstanceURL: "https://" + host})
	certificate, authority := certify(t, host)
	server := httptest.NewUnstartedServer(org)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, tt := range map[string]struct {
		status, code int
		trusted      bool
		hint         string
	}{
		"tunnel":              {0, 0, true, ""},
		"unknown certificate": {0, 4, false, "check domain, and the certificate"},
		"login wanted":        {http.StatusProxyAuthRequired, 4, true, "user and password into HTTPS_PROXY"},
		"forbidden":           {http.StatusForbidden, 4, true, "let the proxy connect"},
		"org out of reach":    {http.StatusBadGateway, 75, true, "check domain, the proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &proxy{to: server.Listener.Addr().String(), status: tt.status}
			front := httptest.NewServer(p)
			t.Cleanup(front.Close)
			bin, err := exec.LookPath("hasty")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			file := duckFile(filepath.Join(t.TempDir(), "crm.db"))
			c := exec.CommandContext(ctx, bin, "ingest", "--source-table", small, "--dest-uri", file.address(), "--dest-table", "t", "--debug", "--progress", "log")
			c.Env = append(os.Environ(), "HTTPS_PROXY="+strings.Replace(front.URL, "http://", "http://ann:"+wrongSecret+"@", 1), "NO_PROXY=", "no_proxy=",
				"SLUICE_SOURCE_URI=salesforce://?client_id="+fakeorg.ClientID+"&client_secret="+fakeorg.ClientSecret+"&domain=acme.my")
			if tt.trusted {
				c.Env = append(c.Env, "SSL_CERT_FILE="+authority)
			}
			output, _ := c.CombinedOutput() // the exit code tells
			if code := c.ProcessState.ExitCode(); code != tt.code {
				t.Fatalf("exit code %d, want %d: %s", code, tt.code, output)
			}
			if found := secretsIn(string(output)); found != "" {
				t.Errorf("a secret was printed: %s", found)
			}
			if tt.hint != "" && !strings.Contains(string(output), tt.hint) {
				t.Errorf("the hint does not say %q: %s", tt.hint, output)
			}
			if tt.code == 0 {
				exactly(t, file, org, small)
			}
			if len(p.asked) == 0 {
				t.Error("the proxy was not asked")
			}
			for i, asked := range p.asked {
				if asked != "CONNECT "+host+":443" {
					t.Errorf("the proxy was asked for %s", asked)
				}
				own := base64.StdEncoding.EncodeToString([]byte("ann:" + wrongSecret))
				if found := secretsIn(strings.ReplaceAll(p.heads[i], own, "")); found != "" {
					t.Errorf("the proxy was told a secret: %s", p.heads[i])
				}
			}
		})
	}
}

// certify makes a certificate for a host, and a file by which it is trusted.
func certify(t *testing.T, host string) (c tls.Certificate, authority string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	authority = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, authority
}
