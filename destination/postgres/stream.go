package postgres

import (
	"context"
	"errors"
	"io"
	"sync"
)

// chunk is how many bytes are handed to COPY at once, or somewhat more.
const chunk = 256 << 10

// stream hands encoded rows to a COPY, which reads them while the next ones are
// encoded.
type stream struct {
	full, free chan []byte
	done       chan struct{}
	once       sync.Once
	err        error
	rest, buf  []byte // the reader's
}

// errCopyEnded says that nobody reads any more.
var errCopyEnded = errors.New("the copying has ended")

func newStream() *stream {
	s := &stream{full: make(chan []byte, 1), free: make(chan []byte, 2), done: make(chan struct{})}
	for range cap(s.free) {
		s.free <- nil
	}
	return s
}

// buffer is an empty one for the next rows. There are three: one is filled, one
// waits, one is read.
func (s *stream) buffer() []byte {
	select {
	case b := <-s.free:
		return b[:0]
	default:
		return nil
	}
}

// send gives buf away. It waits until there is room, ctx ends or ended is
// closed.
func (s *stream) send(ctx context.Context, ended <-chan struct{}, buf []byte) error {
	select {
	case s.full <- buf:
		return nil
	case <-ended:
		return errCopyEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end makes Read return err after what was sent; the first call counts.
func (s *stream) end(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.done)
	})
}

// Read implements [io.Reader].
func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) next() error {
	if cap(s.buf) >= chunk {
		select {
		case s.free <- s.buf:
		default:
		}
	}
	s.buf = nil
	select {
	case s.buf = <-s.full:
	default:
		select {
		case s.buf = <-s.full:
		case <-s.done:
			return s.last()
		}
	}
	s.rest = s.buf
	return nil
}

// last hands out what was sent before the end, unless it was aborted.
func (s *stream) last() error {
	if errors.Is(s.err, io.EOF) {
		select {
		case s.buf = <-s.full:
			s.rest = s.buf
			return nil
		default:
		}
	}
	return s.err
}
