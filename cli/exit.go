package cli

import (
	"errors"

	"github.com/urfave/cli/v2"

	"sluice/destination"
	"sluice/source"
	"sluice/transform"
	"sluice/uri"
)

// The exit codes. They stand in the help and never change.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSome        = 3 // of several tables
	exitRefused     = 4
	exitDestination = 5
	exitBudget      = 6
	exitLater       = 75 // EX_TEMPFAIL of sysexits.h
	exitInterrupted = 130
)

// errInterrupted ends a run that got SIGINT or SIGTERM.
var errInterrupted = interrupted{}

type interrupted struct{}

func (interrupted) Error() string { return "interrupted" }
func (interrupted) Hint() string  { return "the table is as it was; run again to load it" }

// usageError is a command line that makes no sense.
type usageError struct{ text, mend string }

func (e *usageError) Error() string { return e.text }
func (e *usageError) Hint() string  { return e.mend }

func exitCode(err error) int {
	var (
		usage   *usageError
		file    *configError
		address *uri.Error
		dest    *destination.Error
		src     *source.Error
		change  *transform.Error
		some    *someError
		library cli.ExitCoder // says that there is no help on something
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &some):
		return some.code
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &file), errors.As(err, &address), errors.As(err, &library):
		return exitUsage
	case errors.As(err, &change) && change.Usage:
		return exitUsage
	case errors.As(err, &dest):
		if dest.Usage {
			return exitUsage
		}
		return exitDestination
	case errors.As(err, &src):
		return sourceExitCode(src.Kind)
	default:
		return exitFailed
	}
}

func sourceExitCode(k source.Kind) int {
	switch k {
	case source.BadRequest:
		return exitUsage
	case source.Refused:
		return exitRefused
	case source.BudgetSpent:
		return exitBudget
	case source.TryLater:
		return exitLater
	case source.Failed:
		return exitFailed
	}
	return exitFailed
}
