//go:build unix

package pgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Network is a server of its own that listens on loopback addresses, with TLS.
type Network struct {
	// Port is where it listens; Root the file of the certificate that has signed
	// its own, which is for localhost alone.
	Port int
	Root string
	// Socket is the folder of its unix socket.
	Socket string
}

// Listen starts a server, which ends with the test. The role secure may not log
// in without TLS. More are settings ("-c max_connections=10").
func Listen(t testing.TB, more string) Network {
	t.Helper()
	c := the(t)
	folder := filepath.Join(c.folder, "standby"+strconv.FormatInt(fronts.Add(1), 10))
	must(t, c.do("initdb", "--pgdata", folder, "--username", User, "--pwfile", filepath.Join(c.folder, "password"), "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"))
	n := Network{Root: filepath.Join(t.TempDir(), "root.crt"), Socket: c.folder, Port: freePort(t)}
	certificate, key := filepath.Join(folder, "server.crt"), filepath.Join(folder, "server.key")
	sign(t, n.Root, certificate, key)
	access := filepath.Join(folder, "pg_hba.conf")
	must(t, os.WriteFile(access, []byte("hostnossl all secure all reject\nlocal all all scram-sha-256\nhost all all all scram-sha-256\n"), 0o600))
	c.own(t, certificate, key, access)
	options := fmt.Sprintf("%s -k %s -p %d -c listen_addresses='127.0.0.1,::1' -c ssl_cert_file=%s -c ssl_key_file=%s %s", settings, c.folder, n.Port, certificate, key, more)
	must(t, c.do("pg_ctl", "-D", folder, "-w", "-s", "-l", folder+".log", "-o", options, "start"))
	t.Cleanup(func() {
		if err := c.do("pg_ctl", "-D", folder, "-w", "-s", "-m", "immediate", "stop"); err != nil {
			t.Error(err)
		}
	})
	Query(t, n.At("127.0.0.1", "sslmode=disable"), "CREATE ROLE secure LOGIN SUPERUSER PASSWORD '"+Password+"'")
	n.TLS(t, "on")
	return n
}

// TLS switches it on or off.
func (n Network) TLS(t testing.TB, to string) {
	t.Helper()
	address := n.At("127.0.0.1", "sslmode=prefer")
	Query(t, address, "ALTER SYSTEM SET ssl = "+to)
	Query(t, address, "SELECT pg_reload_conf()")
	for Query(t, address, "SHOW ssl")[0] != to {
		time.Sleep(10 * time.Millisecond)
	}
}

// At is the address of its database at a host, with some parameters.
func (n Network) At(host, query string) string {
	u := url.URL{
		Scheme: "postgresql", User: url.UserPassword(User, Password), Path: "/postgres",
		Host: net.JoinHostPort(host, strconv.Itoa(n.Port)), RawQuery: query,
	}
	return u.String()
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}

// sign makes an authority and a certificate of it for localhost.
func sign(t testing.TB, root, certificate, key string) {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	write := func(path, kind string, der []byte, err error) {
		must(t, err)
		must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	write(root, "CERTIFICATE", der, err)
	der, err = x509.CreateCertificate(rand.Reader, server, authority, &serverKey.PublicKey, authorityKey)
	write(certificate, "CERTIFICATE", der, err)
	der, err = x509.MarshalECPrivateKey(serverKey)
	write(key, "EC PRIVATE KEY", der, err)
}
