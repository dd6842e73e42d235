// Command sluice copies a Salesforce org into a SQL database.
package main

import (
	_ "embed"
	"os"

	"sluice/cli"
)

// The linker sets these; empty leaves them to the build info.
var version, commit string

//go:embed tables.yaml
var tables []byte

func main() { os.Exit(run()) }

// run is main without the exit, for the scripts that test the program.
func run() int {
	return cli.Run(os.Args, cli.Env{
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Getenv:  os.Getenv,
		Version: version,
		Commit:  commit,
		Tables:  tables,
	})
}
