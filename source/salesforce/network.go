package salesforce

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"sluice/source"
)

// networkError is the error for a request that got no answer. The text of
// net/http is not used: it quotes the address.
func networkError(op, host string, err error) error {
	var mine *source.Error
	if errors.As(err, &mine) {
		if mine.Op == "" {
			e := *mine
			e.Op = op
			return &e
		}
		return mine
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", op, unwrapURL(err))
	}
	e := &source.Error{Op: op, Kind: source.TryLater, Err: networkCause(err), Again: retryableNetwork(err)}
	if !strings.Contains(op, host) {
		e.Err = fmt.Errorf("%s: %w", host, e.Err)
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Kind = source.BadRequest
		e.Mend = "no host has this name: check domain in the source address"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Mend = "nothing listens there: check domain, and the proxy settings (HTTPS_PROXY)"
	case isTLS(err):
		e.Kind = source.Refused
		e.Mend = "the connection is not safe and was given up: check domain, and the certificate of a proxy in between"
	default:
		e.Mend = "check the network and status.salesforce.com, then run again"
	}
	return e
}

// retryableNetwork says whether sending again may help: not when the name or
// the certificate is wrong, nor when nothing listens there.
func retryableNetwork(err error) bool {
	var mine *source.Error
	if errors.As(err, &mine) {
		return mine.Again
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound || isTLS(err) || errors.Is(err, context.Canceled) {
		return false
	}
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	return errors.As(err, &op) || errors.As(err, &dns) || errors.Is(err, errSilent) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &timeout) && timeout.Timeout() || isCorrupt(err)
}

func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &verify) || errors.As(err, &record)
}

// isCorrupt says whether a compressed body was damaged on its way.
func isCorrupt(err error) bool {
	var broken flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &broken)
}

// networkCause is the innermost readable reason: "connection refused".
func networkCause(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		if dns.IsNotFound {
			return errors.New("no such host")
		}
		return errors.New("the name could not be looked up")
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		var errno syscall.Errno
		if errors.As(op.Err, &errno) {
			return errno
		}
		return op.Err
	}
	return unwrapURL(err)
}

// unwrapURL drops the layer of net/http that quotes the address.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
