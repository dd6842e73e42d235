package uri

import "strings"

// File is a file of sluice's own.
type File struct {
	// Path is absolute, or begins with "./" and is relative to the working
	// folder.
	Path string
}

const fileForm = "write file:///var/lib/sluice/state.json, or file://./state.json for a file in the working folder"

// ParseFile reads the address of a file: an absolute path, or a relative one
// that begins with "./". %XX in the path stands for a byte.
func ParseFile(raw string) (File, error) {
	rest, err := after(raw, "file", fileForm)
	if err != nil {
		return File{}, err
	}
	path, ok := unescape(rest)
	switch {
	case strings.ContainsAny(rest, "?#"):
		return File{}, &Error{"the file address has parameters, and there are none", fileForm + "; a ? in a file name is %3F, a # is %23"}
	case !ok:
		return File{}, &Error{"the file path holds a % that is not followed by two hex digits", "write a % in a file name as %25"}
	case !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "./"):
		return File{}, &Error{"the file address names a host", fileForm}
	case strings.HasSuffix(path, "/") || strings.ContainsRune(path, 0):
		return File{}, &Error{"the file address names no file", fileForm}
	}
	return File{path}, nil
}
