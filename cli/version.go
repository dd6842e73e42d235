package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"sluice/destination/duckdb"
)

// versions is what this program was made of. Its JSON names are a promise to
// scripts.
type versions struct {
	Version string `json:"version"`
	// Commit is null when the build did not know it.
	Commit *string `json:"commit"`
	Go     string  `json:"go"`
	DuckDB string  `json:"duckdb"`
	Arrow  string  `json:"arrow"`
	OS     string  `json:"os"`
	Arch   string  `json:"arch"`
}

func (p *program) versionCommand() *cli.Command {
	flags := []cli.Flag{&cli.BoolFlag{Name: "json", Category: "Flags", Usage: "as JSON on stdout"}}
	return &cli.Command{
		Name:        "version",
		Usage:       "Print the version of the program and of what it was made of.",
		ArgsUsage:   " [flags]",
		Description: environmentHelp(flags),
		Flags:       flags,
		Action: func(c *cli.Context) error {
			v := p.versions()
			if c.Bool("json") {
				enc := json.NewEncoder(p.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(v)
			}
			commit := "unknown"
			if v.Commit != nil {
				commit = *v.Commit
			}
			_, err := fmt.Fprintf(p.Stdout, "sluice  %s\ncommit  %s\nGo      %s %s/%s\nDuckDB  %s\nArrow   %s\n",
				v.Version, commit, v.Go, v.OS, v.Arch, v.DuckDB, v.Arrow)
			return err
		},
	}
}

func (p *program) versions() versions {
	v := versions{Version: p.version(), Go: runtime.Version(), DuckDB: duckdb.EngineVersion(), Arrow: "unknown", OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	commit, dirty := commitOf(info)
	v.Commit = orNull(cmp.Or(p.Commit, commit+dirty))
	for _, d := range info.Deps {
		if d.Path == arrowModule {
			v.Arrow = d.Version
		}
	}
	return v
}

const arrowModule = "github.com/apache/arrow-go/v18"

// version is what the linker set, or what Go knows about the build.
func (p *program) version() string {
	if p.Version != "" {
		return p.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return buildVersion(info)
}

func buildVersion(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	commit, dirty := commitOf(info)
	if commit == "" {
		return "devel"
	}
	return "devel-" + commit[:min(12, len(commit))] + dirty
}

// commitOf is the commit that Go says the build is of, and "-dirty" when files
// were changed since.
func commitOf(info *debug.BuildInfo) (commit, dirty string) {
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	return commit, dirty
}
