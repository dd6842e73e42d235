package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

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
	r := judgeBroken(err)
	e := &source.Error{Op: op, Kind: r.kind, Err: networkCause(err), Mend: r.mend, Again: r.do == again}
	if !strings.Contains(op, host) {
		e.Err = fmt.Errorf("%s: %w", host, e.Err)
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
	return !errors.Is(err, context.Canceled) && judgeBroken(err).do == again
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
