package fakeorg

import (
	"net/http"
	"strconv"
)

// broken is a response that a fault is tampering with.
type broken struct {
	http.ResponseWriter
	fault   *Fault
	request *http.Request
	status  int
	sent    int
	pending []byte // the body, while all of it is needed to tamper with it
	dead    bool
}

// wrap gives the writer that the org answers through.
func (f *Fault) wrap(w http.ResponseWriter, r *http.Request) *broken {
	return &broken{ResponseWriter: w, fault: f, request: r}
}

// Unwrap lets http.ResponseController reach the connection.
func (b *broken) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func (b *broken) buffered() bool { return b.fault.Lying || b.fault.CorruptGzip }

func (b *broken) WriteHeader(status int) {
	if b.status != 0 {
		return
	}
	b.status = status
	b.fault.setHeader(b.ResponseWriter)
	if !b.buffered() {
		b.ResponseWriter.WriteHeader(status)
	}
}

// Write claims to have sent what it swallows: the org does not know that it is
// being cut off.
func (b *broken) Write(p []byte) (int, error) {
	if b.status == 0 {
		b.WriteHeader(http.StatusOK)
	}
	if b.buffered() {
		b.pending = append(b.pending, p...)
		return len(p), nil
	}
	if b.dead {
		return len(p), nil
	}
	limit := b.limit()
	if limit == 0 || b.sent >= limit || b.sent+len(p) < limit {
		b.sent += len(p)
		return b.ResponseWriter.Write(p)
	}
	first, rest := p[:limit-b.sent], p[limit-b.sent:]
	b.sent += len(p)
	_, _ = b.ResponseWriter.Write(first)
	_ = http.NewResponseController(b.ResponseWriter).Flush()
	b.end()
	if !b.dead {
		_, _ = b.ResponseWriter.Write(rest)
	}
	return len(p), nil
}

func (b *broken) limit() int {
	return max(b.fault.StallAfterBytes, b.fault.TruncateAfterBytes, b.fault.CutAfterBytes, b.fault.after)
}

// end does what happens once the limit is reached.
func (b *broken) end() {
	b.dead = true
	switch {
	case b.fault.then != nil:
		b.fault.then()
		b.dead = false
	case b.fault.StallAfterBytes > 0:
		<-b.request.Context().Done()
	default:
		cutConnection(b.ResponseWriter)
	}
}

// close sends what was held back.
func (b *broken) close() {
	if !b.buffered() {
		return
	}
	body := b.pending
	if b.fault.CorruptGzip {
		for i := len(body) / 2; i < len(body) && i < len(body)/2+8; i++ {
			body[i] ^= 0x5a
		}
	}
	if n := b.fault.TruncateAfterBytes; n > 0 && n < len(body) {
		body = body[:n]
	}
	b.Header().Del("Transfer-Encoding")
	b.Header().Set("Content-Length", strconv.Itoa(len(body)))
	b.ResponseWriter.WriteHeader(max(b.status, http.StatusOK))
	_, _ = b.ResponseWriter.Write(body)
}
