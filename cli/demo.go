package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"sluice/source/salesforce/fakeorg"
)

func (p *program) demoCommand() *cli.Command {
	const group = "Flags"
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "serve", Category: group, Usage: "load nothing; keep the org up until Ctrl-C and print its addresses"},
		&cli.IntFlag{Name: "rows", Category: group, Usage: "accounts in the org; other objects in proportion `N`", Value: 20_000},
		&cli.IntFlag{Name: "port", Category: group, Usage: "of 127.0.0.1 to serve on `N`", DefaultText: "any that is free"},
	}
	return &cli.Command{
		Name:  "demo",
		Usage: "Try sluice without an org: a made-up one on this machine, loaded twice.",
		Description: `The demo writes demo.duckdb into the working folder and prints every command it
runs. The org exists only in memory; its credentials open nothing else.

` + environmentHelp(flags) + `
EXAMPLES
  sluice demo
  sluice demo --serve --rows 1000000 --port 8080

` + exitStatus,
		ArgsUsage: " [flags]",
		Flags:     flags,
		Action: func(c *cli.Context) error {
			rows, port := c.Int("rows"), c.Int("port")
			if rows < 10 || rows > 100_000_000 {
				return &usageError{fmt.Sprintf("--rows %d is out of range", rows), "use 10 to 100000000"}
			}
			if port < 0 || port > 65535 {
				return &usageError{fmt.Sprintf("--port %d is out of range", port), "use 1 to 65535, or leave it out for one that is free"}
			}
			org, stop, err := startOrg(c.Context, rows, port)
			if err != nil {
				return err
			}
			defer stop()
			if c.Bool("serve") {
				return p.serveDemo(c.Context, org)
			}
			return p.tellDemo(c.Context, org)
		},
	}
}

// demoOrg is the made-up org while it is served.
type demoOrg struct {
	*fakeorg.Org
	address string // http://127.0.0.1:PORT
}

// startOrg serves an org on port, any free one for 0, until stop is called.
func startOrg(ctx context.Context, accounts, port int) (org demoOrg, stop func(), err error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return demoOrg{}, nil, &usageError{fmt.Sprintf("port %d of 127.0.0.1 is taken", port), "leave --port out for one that is free"}
	}
	address := "http://" + l.Addr().String()
	org = demoOrg{fakeorg.New(fakeorg.Config{
		Seed:        1,
		InstanceURL: address,
		TokenTTL:    30 * 24 * time.Hour,
		APILimit:    1_000_000,
		Rows:        map[string]int{"Account": accounts, "Contact": accounts * 3 / 2, "Opportunity": accounts / 2, "Task": accounts * 2},
	}), address}
	server := &http.Server{Handler: org, ReadHeaderTimeout: time.Minute}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(l) })
	return org, func() {
		_ = server.Close()
		running.Wait()
	}, nil
}

// uris are the source addresses of org, one for each way to log in.
func (o demoOrg) uris() (accessToken, password, clientCredentials string) {
	form := func(pairs ...string) string {
		var b strings.Builder
		for i := 0; i < len(pairs); i += 2 {
			fmt.Fprintf(&b, "%s=%s&", pairs[i], url.QueryEscape(pairs[i+1]))
		}
		return "salesforce://?" + b.String() + "domain=" + o.address
	}
	return form("access_token", o.AccessToken()),
		form("username", fakeorg.Username, "password", fakeorg.Password, "token", fakeorg.SecurityToken),
		form("client_id", fakeorg.ClientID, "client_secret", fakeorg.ClientSecret)
}

// serveDemo keeps the org up until ctx ends.
func (p *program) serveDemo(ctx context.Context, org demoOrg) error {
	token, password, client := org.uris()
	_, err := fmt.Fprintf(p.Stdout, `A made-up Salesforce org answers on %s until Ctrl-C.
It holds %s accounts; its credentials open nothing else.

Client credentials
  export SLUICE_SOURCE_URI='%s'

User name, password and security token
  export SLUICE_SOURCE_URI='%s'

Access token
  export SLUICE_SOURCE_URI='%s'

Then, in the same shell
  sluice ingest --source-table account --dest-uri duckdb:///demo.duckdb
`, org.address, count(int64(org.Count("Account"))), client, password, token)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
