package cli

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
)

// outputs are the files that a run leaves beside its result.
type outputs struct {
	metrics, report string // "" for none
	lineage         *lineage
}

// openOutputs refuses files that could not be written after the run.
func (p *program) openOutputs(c *cli.Context) (out outputs, err error) {
	out = outputs{metrics: c.String("metrics-file"), report: c.String("report")}
	if err := checkMetricsFile(out.metrics); err != nil {
		return out, err
	}
	if err := checkReport(out.report); err != nil {
		return out, err
	}
	out.lineage, err = p.openLineage(c)
	return out, err
}

// write writes them all.
func (p *program) write(out outputs, o outcome) error {
	return errors.Join(out.lineage.close(), p.writeMetrics(out.metrics, o), p.writeReport(out.report, o))
}

// checkReport tries whether a file can be made where the report shall be.
func checkReport(path string) error {
	if path == "" {
		return nil
	}
	probe, err := besides(path)
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if info, wrong := os.Stat(path); wrong == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", path)
	}
	if err != nil {
		return &usageError{"--report: " + err.Error(), "name a file in a folder that this user can write to"}
	}
	return nil
}

// besides makes a file in the folder of another, to take its place later.
func besides(path string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+strings.ToLower(rand.Text()[:8]))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) // less what the umask takes
	return f, about(path, err)
}

// about lets an error name the file that the user did.
func about(path string, err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: file.Op, Path: path, Err: file.Err}
	}
	return err
}

// replaceFile puts a file where an old one may be, whole or not at all.
func replaceFile(path string, content []byte) error {
	f, err := besides(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = about(path, cmp.Or(err, f.Sync()))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
