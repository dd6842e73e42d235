package salesforce

import (
	"bytes"
	"io"
	"net/http"

	"sluice/source"
)

// body is that of an answer which the transport has read to its end.
type body struct {
	*bytes.Reader
	text []byte
}

func newBody(text []byte) body { return body{bytes.NewReader(text), text} }

// Close implements [io.Closer].
func (body) Close() error { return nil }

// readAll gives what the body of resp holds, without a copy where the transport
// has read it.
func readAll(op string, resp *http.Response) ([]byte, error) {
	if b, ok := resp.Body.(body); ok {
		return b.text, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, &source.Error{Op: op, Kind: source.TryLater, Err: err, Again: true}
	}
	return text, nil
}

const (
	keptSpares = 2       // a page is fetched while the one before is decoded
	maxSpare   = 5 << 20 // most pages are smaller; what is larger is the collector's
)

// spares is the memory of pages that were decoded, for those to come. Clearing
// and collecting a few megabytes a page took half of the CPU time of a load by
// REST. Its methods may be called concurrently.
type spares chan []byte

// take gives an empty slice, with the room of an earlier page if one is there.
func (s spares) take() []byte {
	select {
	case b := <-s:
		return b
	default:
		return nil
	}
}

// give takes b, which nobody may use any more.
func (s spares) give(b []byte) {
	if cap(b) > maxSpare {
		return
	}
	select {
	case s <- b[:0]:
	default:
	}
}
