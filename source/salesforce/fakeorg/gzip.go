package fakeorg

import (
	"compress/gzip"
	"io"
	"sync"
	"sync/atomic"
)

// Compressors are large, so they are used again. With the race detector to
// compress and to decompress is half of the time of all tests of loads, so seven
// of eight leave the bytes as they are inside the frame of gzip.
var compressors = sync.Pool{New: func() any {
	level := gzip.BestSpeed
	if raced && made.Add(1)%8 != 0 {
		level = gzip.NoCompression
	}
	z, err := gzip.NewWriterLevel(nil, level)
	if err != nil {
		panic("fakeorg: " + err.Error())
	}
	return z
}}

var made atomic.Int64

func gzipWriter(w io.Writer) *gzip.Writer {
	z := compressors.Get().(*gzip.Writer)
	z.Reset(w)
	return z
}

func releaseGzip(z *gzip.Writer) { compressors.Put(z) }
