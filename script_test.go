package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the scripts look into what was written
	"github.com/rogpeppe/go-internal/testscript"

	"sluice/source/salesforce/fakeorg"
)

// orgs keeps the org of each running script.
var orgs orgMap

// cmdFakeOrg is "fakeorg [OBJECT=ROWS...]": it starts an org and sets the
// variables that scripts use.
//
//	$SIGN_IN, $INSTANCE                      its two hosts, as http://…
//	$PASSWORD_URI, $CLIENT_URI, $TOKEN_URI   source addresses
//	$ACCOUNTS                                how many accounts it has now
func cmdFakeOrg(ts *testscript.TestScript, _ bool, args []string) {
	rows := map[string]int{}
	for _, arg := range args {
		object, number, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(number)
		ts.Check(err)
		rows[object] = n
	}
	org := fakeorg.New(fakeorg.Config{Seed: 7, Rows: rows})
	signIn, stop := org.Start()
	ts.Defer(stop)
	orgs.put(ts, org)
	countAccounts(ts, org)
	ts.Setenv("SIGN_IN", signIn)
	ts.Setenv("INSTANCE", org.InstanceURL())
	ts.Setenv("PASSWORD_URI", "salesforce://?username="+url.QueryEscape(fakeorg.Username)+"&password="+url.QueryEscape(fakeorg.Password)+
		"&token="+fakeorg.SecurityToken+"&domain="+signIn)
	ts.Setenv("CLIENT_URI", "salesforce://?client_id="+fakeorg.ClientID+"&client_secret="+fakeorg.ClientSecret+"&domain="+org.InstanceURL())
	ts.Setenv("TOKEN_URI", "salesforce://?access_token="+url.QueryEscape(org.AccessToken())+"&domain="+org.InstanceURL())
	ts.Setenv("WRONG", url.QueryEscape(wrongSecret))
	ts.Setenv("USERNAME", url.QueryEscape(fakeorg.Username))
	ts.Setenv("PASSWORD", url.QueryEscape(fakeorg.Password))
	ts.Setenv("CLIENT_ID", fakeorg.ClientID)
	ts.Setenv("CLIENT_SECRET", fakeorg.ClientSecret)
}

// cmdOrg is "org CHANGE [ARGS...]": something happens in the org.
func cmdOrg(ts *testscript.TestScript, _ bool, args []string) {
	org := orgs.get(ts)
	switch what := strings.Join(args, " "); what {
	case "expires sessions":
		org.ExpireSessions()
	case "needs the security token":
		org.Set(func(k *fakeorg.Knobs) { k.NewLocation = true })
	case "refuses SOAP login":
		org.Set(func(k *fakeorg.Knobs) { k.NoSOAPLogin = true })
	case "is down":
		org.Inject(fakeorg.Fault{Times: -1, Status: 503, Body: "<html><body>Down for maintenance</body></html>"})
	case "has no requests left":
		org.Inject(fakeorg.Fault{Path: "/services/data/*", Times: -1, Status: 403, Body: `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`})
	case "stalls in the Bulk results":
		org.Inject(fakeorg.Fault{Path: "/services/data/*/jobs/query/*/results", Times: -1, StallAfterBytes: 20_000})
	case "sends small Bulk results":
		org.Set(func(k *fakeorg.Knobs) { k.BulkPageSize = 400 })
	case "never finishes a Bulk job":
		org.Script(fakeorg.JobScript{Never: true})
	case "is well again":
		org.Heal()
	case "grows by 3 accounts":
		org.Grow("Account", 3)
	case "changes, deletes and erases an account":
		ids := accountIDs(org)
		org.Update("Account", ids[0], fakeorg.Values{"Name": "Changed, Inc"})
		org.Delete("Account", ids[1])
		org.HardDelete("Account", ids[2])
	case "undeletes what it deleted":
		for row := range org.AllRows("Account") {
			if row.Value("IsDeleted") == true {
				org.Undelete("Account", row.ID())
			}
		}
	case "lives on for an hour":
		org.Advance(time.Hour)
	case "deletes an account":
		org.Delete("Account", accountIDs(org)[0])
	case "erases an account":
		org.HardDelete("Account", accountIDs(org)[0])
	case "changes an account":
		ids := accountIDs(org)
		org.Update("Account", ids[len(ids)-1], fakeorg.Values{"Name": "Changed, Inc"})
	case "reckons 9 hours east":
		org.Set(func(k *fakeorg.Knobs) { k.Zone = time.FixedZone("", 9*60*60) })
	case "deletes all accounts":
		org.Delete("Account", accountIDs(org)...)
	default:
		ts.Fatalf("the org cannot do %q", what)
	}
	countAccounts(ts, org)
}

func accountIDs(org *fakeorg.Org) (ids []string) {
	for row := range org.Rows("Account") {
		ids = append(ids, row.ID())
	}
	return ids
}

func countAccounts(ts *testscript.TestScript, org *fakeorg.Org) {
	ts.Setenv("ACCOUNTS", strconv.Itoa(org.Count("Account")))
}

// cmdJobs is "jobs STATE...": the Bulk jobs that the org was asked for, in
// order, are in these states, with "+deleted" when they are.
func cmdJobs(ts *testscript.TestScript, _ bool, args []string) {
	var states []string
	for _, j := range orgs.get(ts).Jobs() {
		if j.Deleted {
			j.State += "+deleted"
		}
		states = append(states, j.State)
	}
	if got, want := strings.Join(states, " "), strings.Join(args, " "); got != want {
		ts.Fatalf("jobs are %q, want %q", got, want)
	}
}

// cmdInterrupt is "interrupt SIGNAL WHEN ARGS...": it runs sluice until it asks
// for the state of a Bulk job (WHEN is "waiting") or for its results
// ("downloading"), sends it the signal, and wants exit code 130. What was
// printed is in stdout and stderr.
func cmdInterrupt(ts *testscript.TestScript, _ bool, args []string) {
	org := orgs.get(ts)
	signal, ok := signals[args[0]]
	moment, known := moments[args[1]]
	if !ok || !known {
		ts.Fatalf("unknown signal %s or moment %s", args[0], args[1])
	}
	bin, err := exec.LookPath("sluice")
	ts.Check(err)
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, bin, args[2:]...)
	c.Dir, c.Stdout, c.Stderr = ts.Getenv("WORK"), &stdout, &stderr
	before := requests(org, moment)
	ts.Check(c.Start())
	ts.Check(until(func() bool { return requests(org, moment) > before }))
	ts.Check(c.Process.Signal(signal))
	code := exitCode(ts, c.Wait())
	_, _ = ts.Stdout().Write(stdout.Bytes())
	_, _ = ts.Stderr().Write(stderr.Bytes())
	checkOutput(ts, "130", code, stdout.String(), stderr.String())
}

// cmdInsist is "insist ARGS...": it runs sluice until it downloads, lets the org
// fall silent, interrupts, and interrupts again once that was acknowledged. The
// second signal ends the process at once, as signals do by default.
func cmdInsist(ts *testscript.TestScript, _ bool, args []string) {
	org := orgs.get(ts)
	bin, err := exec.LookPath("sluice")
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, bin, args...)
	c.Dir = ts.Getenv("WORK")
	stderr, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	ts.Check(until(func() bool { return requests(org, moments["downloading"]) > 0 }))
	org.Inject(fakeorg.Fault{Times: -1, Delay: time.Hour})
	ts.Check(c.Process.Signal(os.Interrupt))
	line, err := bufio.NewReader(stderr).ReadString('\n')
	ts.Check(err)
	if !strings.HasPrefix(line, "sluice: interrupted: ") {
		ts.Fatalf("stderr says %q", line)
	}
	ts.Check(c.Process.Signal(os.Interrupt))
	_ = c.Wait() // always an error: the process was killed
	if ended := c.ProcessState.String(); ended != "signal: interrupt" {
		ts.Fatalf("the process ended with %s", ended)
	}
}

// moments are the paths of requests that show where a run is.
var moments = map[string]*regexp.Regexp{
	"waiting":     regexp.MustCompile(`/jobs/query/[^/]+$`),
	"downloading": regexp.MustCompile(`/jobs/query/[^/]+/results$`),
}

// requests counts how often the org was asked for such a path.
func requests(org *fakeorg.Org, path *regexp.Regexp) (n int) {
	for _, call := range org.Calls() {
		if path.MatchString(call.Path) {
			n++
		}
	}
	return n
}

// cmdQuery is "query FILE SQL": it prints the rows in aligned columns. Without a
// file, the SQL names what it reads, below the working folder.
func cmdQuery(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: query FILE SQL")
	}
	file := ""
	if args[0] != "" {
		file = ts.MkAbs(args[0]) + "?access_mode=read_only"
	}
	db, err := sql.Open("duckdb", file)
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec("SET file_search_path = '" + ts.MkAbs(".") + "'")
	ts.Check(err)
	rows, err := db.Query(args[1])
	ts.Check(err)
	defer rows.Close()
	names, err := rows.Columns()
	ts.Check(err)
	w := tabwriter.NewWriter(ts.Stdout(), 0, 0, 2, ' ', 0)
	for rows.Next() {
		cells, into := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		ts.Check(rows.Scan(into...))
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, c)
		}
		fmt.Fprintln(w)
	}
	ts.Check(rows.Err())
	ts.Check(w.Flush())
}

// cmdAlter is "alter FILE SQL": somebody else changes the database.
func cmdAlter(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: alter FILE SQL")
	}
	db, err := sql.Open("duckdb", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

// cmdAwait is "await FILE" or "await tcp ADDRESS": it waits until a background
// command has written the file or listens there.
func cmdAwait(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "tcp" {
		ts.Check(until(func() bool {
			c, err := net.Dial("tcp", args[1])
			return err == nil && c.Close() == nil
		}))
		return
	}
	ts.Check(until(func() bool { _, err := os.Stat(ts.MkAbs(args[0])); return err == nil }))
}

// holdLock is the command "holdlock FILE READY": another program that has a
// database open until it is killed. It writes READY once it has.
func holdLock() {
	db, err := sql.Open("duckdb", os.Args[1])
	if err == nil {
		err = db.Ping()
	}
	if err == nil {
		err = os.WriteFile(os.Args[2], nil, 0o600)
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// freePort is a port of 127.0.0.1 that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// until waits for what another process or goroutine does.
func until(done func() bool) error {
	for range 3000 {
		if done() {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("nothing happened for 30 s")
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}
