//go:build unix

package pgtest

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fronts numbers what stands before the server, or beside it.
var fronts atomic.Int64

// Pooled starts a PgBouncer before the server with these settings ("pool_mode =
// transaction"), and gives the address of the database through it. It ends with
// the test. Without PgBouncer on this machine the test is skipped.
func Pooled(t testing.TB, address string, settings ...string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !exists(program) {
			t.Skip("PgBouncer is not installed: apt-get install pgbouncer, or make postgres as root")
		}
	}
	c := the(t)
	n := fronts.Add(1)
	folder := filepath.Join(c.folder, "pool"+strconv.FormatInt(n, 10))
	must(t, os.Mkdir(folder, 0o700))
	users, ini := filepath.Join(folder, "users"), filepath.Join(folder, "ini")
	database := Query(t, address, "SELECT current_database()")[0]
	text := fmt.Sprintf("[databases]\n%s = host=%s\n[pgbouncer]\nunix_socket_dir = %s\nlisten_port = 6432\nauth_type = scram-sha-256\nauth_file = %s\n",
		database, c.folder, folder, users)
	for _, s := range settings {
		text += s + "\n"
	}
	must(t, os.WriteFile(ini, []byte(text), 0o600))
	must(t, os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", User, Password), 0o600))
	c.own(t, folder, users, ini)
	// The shell ends it with this process, whatever becomes of that.
	cmd := c.command("/bin/sh", "-c", `"$1" "$2" >"$2.log" 2>&1 & cat >/dev/null; kill -9 $!`, "sh", program, ini)
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		end(cmd, in)
		if log, _ := os.ReadFile(ini + ".log"); t.Failed() {
			t.Logf("PgBouncer says:\n%s", log)
		}
	})
	through := at(t, address, folder, 6432)
	for range 200 {
		if _, err = Ask(through, "SELECT 1"); err == nil {
			return through
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(ini + ".log")
	t.Fatalf("PgBouncer does not come up: %v\n%s", err, log)
	return ""
}

// Standby makes a hot standby of the server, which takes no writes, and gives
// the address of a database there, as it is now. It ends with the test.
func Standby(t testing.TB, address string) string {
	t.Helper()
	c := the(t)
	n := int(fronts.Add(1))
	folder := filepath.Join(c.folder, "standby"+strconv.Itoa(n))
	must(t, c.do("pg_basebackup", "-D", folder, "-R", "-X", "stream", "-c", "fast", "-N", "-d", c.address("postgres")))
	port := 5500 + n
	must(t, c.do("pg_ctl", "-D", folder, "-w", "-s", "-l", folder+".log", "-o", fmt.Sprintf("%s -k %s -p %d", settings, c.folder, port), "start"))
	t.Cleanup(func() {
		if err := c.do("pg_ctl", "-D", folder, "-w", "-s", "-m", "immediate", "stop"); err != nil {
			t.Error(err)
		}
	})
	return at(t, address, c.folder, port)
}

// at is an address at another socket.
func at(t testing.TB, address, folder string, port int) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	query := u.Query()
	query.Set("host", folder)
	query.Set("port", strconv.Itoa(port))
	u.RawQuery = query.Encode()
	return u.String()
}

// DatabaseIn is Database for one whose tables are in a folder of their own, which
// who runs the server has to own.
func DatabaseIn(t testing.TB, folder string) string {
	t.Helper()
	c := the(t)
	name := "space" + strconv.FormatInt(fronts.Add(1), 10)
	must(t, c.run(fmt.Sprintf("CREATE TABLESPACE %s LOCATION '%s'", name, folder)))
	t.Cleanup(func() { must(t, c.run("DROP TABLESPACE "+name)) })
	address := Database(t)
	u, err := url.Parse(address)
	must(t, err)
	must(t, c.run("ALTER DATABASE "+strings.TrimPrefix(u.Path, "/")+" SET TABLESPACE "+name))
	return address
}

// Own gives files to who runs the server.
func Own(t testing.TB, paths ...string) {
	t.Helper()
	the(t).own(t, paths...)
}

func (c *cluster) own(t testing.TB, paths ...string) {
	t.Helper()
	if c.as == nil {
		return
	}
	for _, path := range paths {
		must(t, os.Chown(path, int(c.as.Uid), int(c.as.Gid)))
	}
}

func end(cmd *exec.Cmd, in io.Closer) {
	_ = in.Close()
	_ = cmd.Wait() // it was killed
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
