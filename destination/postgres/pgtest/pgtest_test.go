//go:build unix

package pgtest

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// child makes this binary start a cluster, tell its folder, and wait.
const child = "SLUICE_TEST_CLUSTER"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		Main(m)
		return
	}
	c, err := start()
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(c.folder + "\n")
	time.Sleep(time.Minute)
}

func TestDatabasesAreApart(t *testing.T) {
	a, b := Database(t), Database(t)
	Query(t, a, "CREATE TABLE x (n int); INSERT INTO x VALUES (1), (2)")
	if got := Query(t, a, "SELECT n, n + 1 FROM x ORDER BY 1"); strings.Join(got, " ") != "1|2 2|3" {
		t.Errorf("%q", got)
	}
	if got := Query(t, b, "SELECT to_regclass('x')"); strings.Join(got, "") != "" {
		t.Errorf("%q", got)
	}
	if _, err := Ask(As(a, User, "wrong"), "SELECT 1"); err == nil {
		t.Error("the server asks for no password")
	}
	Crash(t)
	if got := Query(t, a, "SELECT count(*) FROM x"); strings.Join(got, "") != "2" {
		t.Errorf("%q", got)
	}
}

// TestNothingIsLeftOfAKilledProcess kills the process that has a cluster.
func TestNothingIsLeftOfAKilledProcess(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), child+"=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	folder := strings.TrimSpace(line)
	if _, err := os.Stat(folder + "/data/PG_VERSION"); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	for range 600 {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s is left", folder)
}
