package salesforce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sluice/source"
)

// version is the API version that an org is spoken to by. All Sources of a
// Login share it: it changes at most once, when the org turns out not to serve
// the one that was taken for granted.
type version struct {
	first string // "64.0", as paths made before a change have it
	named bool   // by the address: no other will do

	mu    sync.Mutex
	text  string
	known bool  // the org serves it, or does not tell what it serves
	none  error // the named one is not served
}

func newVersion(named string) *version {
	v := first(named, DefaultVersion)
	return &version{first: v, named: named != "", text: v}
}

func (v *version) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.text
}

const dataRoot = "/services/data/v"

// olderVersion is the smaller of two API versions like "64.0".
func olderVersion(a, b string) string {
	if versionNumber(a) < versionNumber(b) {
		return a
	}
	return b
}

func versionNumber(v string) float64 {
	n, _ := strconv.ParseFloat(v, 64)
	return n
}

// path brings the version in a path up to date.
func (v *version) path(path string) string {
	if rest, ok := strings.CutPrefix(path, dataRoot+v.first+"/"); ok {
		return dataRoot + v.String() + "/" + rest
	}
	return path
}

// served notes that the org has answered a path.
func (v *version) served(path string) {
	if strings.HasPrefix(path, dataRoot) {
		v.mu.Lock()
		v.known = true
		v.mu.Unlock()
	}
}

// unserved says whether an error may mean that the org does not know the API
// version of a path, rather than the resource.
func unserved(path string, err error) bool {
	return strings.HasPrefix(path, dataRoot) && unservedVersion(err)
}

func unservedVersion(err error) bool {
	var no *apiError
	return errors.As(err, &no) &&
		(no.Status == http.StatusNotFound || no.Status == http.StatusGone || strings.Contains(strings.ToUpper(no.Code), "VERSION"))
}

// agree asks the org which versions it serves, unless that is known, and says
// whether another one is used from now on: the newest that is no newer than the
// one that was refused.
func (a *api) agree(ctx context.Context, refused string) (bool, error) {
	v := a.version
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known || v.none != nil {
		return !strings.HasPrefix(refused, dataRoot+v.text+"/"), v.none
	}
	versions, err := a.versions(ctx) // no version is in that path, so it needs no lock
	if err != nil {
		return false, err
	}
	if v.known = len(versions) == 0 || slices.Contains(versions, v.text); v.known {
		return false, nil
	}
	if v.named {
		v.none = &source.Error{
			Kind: source.BadRequest, Err: fmt.Errorf("the org does not serve API version %s", v.text),
			Mend: fmt.Sprintf("it serves %s to %s: name one of these, or leave api_version out of the address", versions[0], versions[len(versions)-1]),
		}
		return false, v.none
	}
	best := versions[0]
	for _, each := range versions {
		if versionNumber(each) <= versionNumber(v.text) {
			best = each
		}
	}
	v.text, v.known = best, true
	return true, nil
}

// versionsPath lists the API versions that an org serves, to anybody.
const versionsPath = "/services/data"

type versionList []struct {
	Version string `json:"version"`
}

// sorted has the oldest first.
func (l versionList) sorted() (versions []string) {
	for _, each := range l {
		if versionNumber(each.Version) > 0 {
			versions = append(versions, each.Version)
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return cmp.Compare(versionNumber(a), versionNumber(b)) })
	return versions
}

// versions lists the API versions that the org serves, oldest first.
func (a *api) versions(ctx context.Context) ([]string, error) {
	var list versionList
	err := a.getJSON(ctx, "ask for the API versions", versionsPath, &list)
	return list.sorted(), err
}
