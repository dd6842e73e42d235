//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// cluster is a server with its data in a folder.
type cluster struct {
	bin, folder string
	// as is who runs the server: nobody else than us, unless we are root, whom
	// PostgreSQL refuses.
	as *syscall.Credential
	// guard waits for the end of this process, whatever that is, and removes
	// the cluster.
	guard *exec.Cmd
	alive io.Closer
}

// settings make tests quick. A crash of the server loses nothing without
// fsync; only one of the machine would.
const settings = "-c listen_addresses='' -c fsync=off -c max_connections=60 -c shared_buffers=128MB -c max_wal_size=2GB -c log_statement=none"

func newCluster() (c *cluster, err error) {
	c = &cluster{}
	if c.bin, err = binaries(); err != nil {
		return nil, err
	}
	if c.as, err = unprivileged(); err != nil {
		return nil, err
	}
	// The path of a socket has to be short: t.TempDir is not.
	if c.folder, err = os.MkdirTemp("", "pg"); err != nil {
		return nil, err
	}
	if err = c.create(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.folder))
	}
	started.Store(c)
	return c, nil
}

// binaries finds the folder of PostgreSQL's programs, the newest of several.
func binaries() (string, error) {
	var folders []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	for _, folder := range append(folders, found...) {
		if _, err := os.Stat(filepath.Join(folder, "pg_ctl")); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("the tests need PostgreSQL, which is not installed: apt-get install postgresql, or make postgres")
}

func version(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder))) // not a number is the oldest
	return n
}

// unprivileged is whom to run the server as; nil for ourselves.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other user: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func (c *cluster) program(name string) string { return filepath.Join(c.bin, name) }

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }

// create makes the cluster and starts its server.
func (c *cluster) create() error {
	password := filepath.Join(c.folder, "password")
	if err := os.WriteFile(password, []byte(Password), 0o600); err != nil {
		return err
	}
	if c.as != nil {
		for _, path := range []string{c.folder, password} {
			if err := os.Chown(path, int(c.as.Uid), int(c.as.Gid)); err != nil {
				return err
			}
		}
	}
	if err := c.watch(); err != nil {
		return err
	}
	err := c.do("initdb", "--pgdata", c.data(), "--username", User, "--pwfile", password, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions")
	if err != nil {
		return err
	}
	return c.start()
}

// watch starts the guard: a shell whose input ends with this process.
func (c *cluster) watch() error {
	const script = `cat >/dev/null; for d in "$2"/data "$2"/standby*; do "$1/pg_ctl" -D "$d" -m immediate stop >/dev/null 2>&1; done; rm -rf "$2"`
	c.guard = c.command("/bin/sh", "-c", script, "sh", c.bin, c.folder)
	c.guard.SysProcAttr.Setpgid = true // Ctrl-C is not for it
	in, err := c.guard.StdinPipe()
	c.alive = in
	if err != nil {
		return err
	}
	return c.guard.Start()
}

func (c *cluster) remove() {
	_ = c.alive.Close()
	_ = c.guard.Wait()
}

func (c *cluster) start() error {
	return c.do("pg_ctl", "-D", c.data(), "-w", "-s", "-l", filepath.Join(c.folder, "log"), "-o", settings+" -k "+c.folder, "start")
}

func (c *cluster) stop(mode string) error {
	return c.do("pg_ctl", "-D", c.data(), "-w", "-s", "-m", mode, "stop")
}

// do runs one of PostgreSQL's programs. It must not hand on our output, which
// the server would hold open.
func (c *cluster) do(program string, args ...string) error {
	said := filepath.Join(c.folder, program+".out")
	out, err := os.Create(said)
	if err != nil {
		return err
	}
	cmd := c.command(c.program(program), args...)
	cmd.Stdout, cmd.Stderr = out, out
	err = errors.Join(cmd.Run(), out.Close())
	if err == nil {
		return nil
	}
	text, _ := os.ReadFile(said)
	log, _ := os.ReadFile(filepath.Join(c.folder, "log"))
	return fmt.Errorf("%s: %w\n%s%s", program, err, text, log)
}

func (c *cluster) command(path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), path, args...)
	cmd.Dir = c.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	return cmd
}

func (c *cluster) address(database string) string {
	u := url.URL{Scheme: "postgresql", User: url.UserPassword(User, Password), Path: "/" + database}
	return u.String() + "?" + url.Values{"host": {c.folder}}.Encode()
}

func (c *cluster) run(sql string) error {
	_, err := Ask(c.address("postgres"), sql)
	return err
}
