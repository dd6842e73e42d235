package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"sluice/destination"
	"sluice/source/salesforce"
	"sluice/uri"
)

func (p *program) checkCommand() *cli.Command {
	flags := lookFlags(
		&cli.StringFlag{Name: "dest-uri", Category: "Flags", Usage: "the database, checked too when it is given `ADDRESS`"},
		&cli.DurationFlag{Name: "lock-timeout", Category: "Flags", Usage: "wait for a database that another process holds `TIME`", Value: 5 * time.Second},
	)
	return &cli.Command{
		Name:      "check",
		Usage:     "Try both ends without loading anything, and say how to mend what is wrong.",
		ArgsUsage: " --source-uri ADDRESS [--dest-uri ADDRESS] [flags]",
		Description: `Each line has a mark: ok, warning (a load works, but look at it) or failed. The exit
code is that of the first failure; warnings do not count. It takes three or four
calls and a login, and leaves nothing in the org nor in the database.

` + environmentHelp(flags) + `
EXAMPLES
  sluice check
  sluice check --dest-uri duckdb:///crm.db --json

` + exitStatus,
		Flags: flags,
		Action: func(c *cli.Context) error {
			p.json = c.Bool("json")
			return p.check(c)
		},
	}
}

// The marks of a finding.
const (
	markOK      = "ok"
	markWarning = "warning"
	markFailed  = "failed"
)

// finding is the outcome of one check. Its JSON names are a promise to scripts.
type finding struct {
	End    string `json:"end"` // source or destination
	Check  string `json:"check"`
	Mark   string `json:"mark"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

// findings collects what the checks of one end find.
type findings struct {
	end  string
	list []finding
	errs []error
}

func (f *findings) ok(check, format string, args ...any) {
	f.list = append(f.list, finding{f.end, check, markOK, fmt.Sprintf(format, args...), ""})
}

func (f *findings) warn(check, remedy, format string, args ...any) {
	f.list = append(f.list, finding{f.end, check, markWarning, fmt.Sprintf(format, args...), remedy})
}

// failed notes an error, and says whether there was one.
func (f *findings) failed(check string, err error) bool {
	if err == nil {
		return false
	}
	f.list = append(f.list, finding{f.end, check, markFailed, err.Error(), hint(err)})
	f.errs = append(f.errs, err)
	return true
}

// checksError is what a check that failed ends with: the exit code is that of
// its first cause.
type checksError struct {
	failed, all int
	first       error
}

func (e *checksError) Error() string { return fmt.Sprintf("%d of %d checks failed", e.failed, e.all) }
func (e *checksError) Unwrap() error { return e.first }

// Hint points to the remedies, which stand with the findings.
func (e *checksError) Hint() string { return "each failure above has its remedy" }

func (p *program) check(c *cli.Context) error {
	from := &findings{end: "source"}
	err := p.withOrg(c, func(ctx context.Context, org *salesforce.Source) error { return checkOrg(ctx, org, from) })
	var usage *usageError
	var address *uri.Error
	if errors.As(err, &usage) || errors.As(err, &address) || c.Err() != nil {
		return err
	}
	from.failed("log in", err)
	to := &findings{end: "destination"}
	if c.String("dest-uri") != "" {
		if err := p.checkDestination(c, to); err != nil {
			return err
		}
	}
	return p.printFindings(slices.Concat(from.list, to.list), slices.Concat(from.errs, to.errs))
}

// checkOrg looks at one thing after the other. An error is one that no further
// check could get over.
func checkOrg(ctx context.Context, org *salesforce.Source, f *findings) error {
	objects, err := org.Objects(ctx)
	if err != nil {
		return err
	}
	id, err := org.Identity(ctx)
	if err != nil {
		return err
	}
	f.ok("log in", "org %s", id)
	checkVersion(ctx, org, f)
	checkRights(objects, f)
	checkLimits(ctx, org, f)
	checkClock(org, f)
	return nil
}

func checkVersion(ctx context.Context, org *salesforce.Source, f *findings) {
	const check = "API version"
	versions, err := org.Versions(ctx)
	if f.failed(check, err) {
		return
	}
	if !slices.Contains(versions, org.Version()) && len(versions) > 0 {
		f.warn(check, "leave api_version out of the address, or name one of them", "%s is none of the org's: %s to %s", org.Version(), versions[0], versions[len(versions)-1])
		return
	}
	f.ok(check, "%s", org.Version())
}

// checkRights tells of tables that tables.yaml has and the org hides.
func checkRights(objects []salesforce.Listed, f *findings) {
	loadable, known := 0, 0
	for _, o := range objects {
		if o.Skip == "" {
			loadable++
			if o.Table != "" {
				known++
			}
		}
	}
	if known == 0 {
		f.warn("rights", "give the user read permission on the objects to load", "%s can be loaded, none of those that \"sluice tables\" lists", plural(int64(loadable), "object"))
		return
	}
	f.ok("rights", "%s can be loaded, %s of those that \"sluice tables\" lists", plural(int64(loadable), "object"), count(int64(known)))
}

// scarce is the share of an allowance under which a load may not get through.
const scarce = 0.1

func checkLimits(ctx context.Context, org *salesforce.Source, f *findings) {
	limits, err := org.Limits(ctx)
	if f.failed("limits", err) {
		return
	}
	for _, watched := range []struct{ name, check, remedy string }{
		{"DailyApiRequests", "API requests", "see Setup, System Overview, for who uses them; they come back within 24 hours"},
		{"DailyBulkV2QueryJobs", "Bulk query jobs", "use api=rest in the address, or wait: they come back within 24 hours"},
	} {
		i := slices.IndexFunc(limits, func(l salesforce.Limit) bool { return l.Name == watched.name })
		switch {
		case i < 0:
			f.warn(watched.check, "give the user the permission View Setup and Configuration", "the org does not tell how many are left")
		case float64(limits[i].Remaining) < scarce*float64(limits[i].Max):
			f.warn(watched.check, watched.remedy, "%s of %s left today", count(limits[i].Remaining), count(limits[i].Max))
		default:
			f.ok(watched.check, "%s of %s left today", count(limits[i].Remaining), count(limits[i].Max))
		}
	}
}

// clockSlack is how far this machine's clock may be from the org's. Loads go by
// the org's alone; logs and certificates go by this one.
const clockSlack = 2 * time.Minute

func checkClock(org *salesforce.Source, f *findings) {
	const check = "clock"
	at := org.Clock()
	if at.IsZero() {
		f.warn(check, "check that no proxy takes the Date header away", "the org does not tell its time")
		return
	}
	switch apart := time.Since(at).Round(time.Second); {
	case apart.Abs() > clockSlack:
		f.warn(check, "set this machine's clock by NTP; loads go by the org's, times in logs by this one", "%s apart from the org's", apartText(apart.Abs()))
	default:
		f.ok(check, "the same as the org's, to %s", clockSlack)
	}
}

// checkDestination opens the database and looks at where it lies. An error is a
// command line that makes no sense.
func (p *program) checkDestination(c *cli.Context, f *findings) error {
	address := c.String("dest-uri")
	open, err := opener("dest-uri", address, destinations)
	if err != nil {
		return err
	}
	d, err := open(address, settings{log: p.logger(p.Stderr, c.Bool("debug")), lockTimeout: c.Duration("lock-timeout")})
	if err != nil {
		return fmt.Errorf("--dest-uri: %w", err)
	}
	states, err := d.States().List(c.Context)
	if closing := d.Close(); err == nil {
		err = closing
	}
	if !f.failed("database", err) {
		f.ok("database", "opens, and knows how far %s got", plural(int64(len(states)), "table"))
	}
	if u, err := uri.ParseDuckDB(address); err == nil && u.Path != uri.Memory {
		checkFolder(u.Path, f)
	}
	return nil
}

// roomy is how much free disk passes without a warning: a load keeps the old
// table and the new one for a while.
const roomy = 1 << 30

// checkFolder looks at the folder of a database file.
func checkFolder(file string, f *findings) {
	folder := filepath.Dir(file)
	probe, err := os.CreateTemp(folder, ".sluice-check-")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		f.failed("folder", &destination.Error{Op: "write into " + folder, Err: reason(err), Mend: "make the folder, or give this user the right to write there"})
		return
	}
	f.ok("folder", "%s can be written", folder)
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		f.warn("disk", "see df", "the free space of %s is not told: %s", folder, reason(err))
		return
	}
	free := int64(disk.Bavail * uint64(disk.Bsize))
	if free < roomy {
		f.warn("disk", "make room: a load keeps the old rows and the new ones for a while", "%s free", size(free))
		return
	}
	f.ok("disk", "%s free", size(free))
}

// reason is the operating system's word alone.
func reason(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func (p *program) printFindings(list []finding, errs []error) error {
	var err error
	if len(errs) > 0 {
		err = &checksError{len(errs), len(list), errs[0]}
	}
	if p.json {
		return errors.Join(p.printValue(struct {
			Checks   []finding `json:"checks"`
			ExitCode int       `json:"exit_code"`
		}{list, exitCode(err)}), err)
	}
	rows := [][]string{{"MARK", "END", "CHECK", "FOUND"}}
	for _, f := range list {
		if p.quiet && f.Mark == markOK {
			continue
		}
		rows = append(rows, []string{f.Mark, f.End, f.Check, strings.ReplaceAll(f.Found, "\n", " ")})
		if f.Remedy != "" {
			rows = append(rows, []string{"", "", "", "-> " + f.Remedy})
		}
	}
	if p.quiet && len(rows) == 1 {
		return err
	}
	return errors.Join(printColumns(p.Stdout, rows), err)
}

// apartText writes a difference of clocks; of long ones, days are enough.
func apartText(d time.Duration) string {
	if d < 48*time.Hour {
		return d.String()
	}
	return plural(int64(d.Hours()/24), "day")
}
