package fakeorg

import (
	"compress/gzip"
	"io"
	"sync"
)

// Compressors are large, so they are used again.
var compressors = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("fakeorg: " + err.Error())
	}
	return z
}}

func gzipWriter(w io.Writer) *gzip.Writer {
	z := compressors.Get().(*gzip.Writer)
	z.Reset(w)
	return z
}

func releaseGzip(z *gzip.Writer) { compressors.Put(z) }
