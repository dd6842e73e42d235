package fakeorg

import "time"

// Knobs switch what is not established about Salesforce and what its admins
// can switch. The zero value is what is believed to be usual.
type Knobs struct {
	// EmptyBodyForZeroRows leaves the header row out of a Bulk result without
	// rows.
	EmptyBodyForZeroRows bool
	// NoContentBeforeComplete answers 204 to a request for the results of an
	// unfinished Bulk job, instead of 400 INVALIDJOBSTATE.
	NoContentBeforeComplete bool
	// LateQueryErrors lets a Bulk job with a wrong query be created and fail,
	// instead of refusing it.
	LateQueryErrors bool
	// CompoundErrorCode is the code with which Bulk refuses addresses and
	// locations; "" means API_ERROR.
	CompoundErrorCode string
	// ForeignLocatorIsInvalid answers INVALID_QUERY_LOCATOR to another
	// session's locator, instead of INVALID_SESSION_ID.
	ForeignLocatorIsInvalid bool
	// NoFutureInLog refuses ends of the change log that lie ahead.
	NoFutureInLog bool
	// AbsoluteNextPage writes nextRecordsUrl with the host.
	AbsoluteNextPage bool
	// NoRowCount leaves Sforce-NumberOfRecords out, and Sforce-Locator where
	// there is no next set.
	NoRowCount bool
	// ClientCredentialsBare leaves issued_at and signature out of the answer
	// to the client credentials flow.
	ClientCredentialsBare bool
	// PlainNumbers writes large and small numbers without an exponent in REST.
	PlainNumbers bool

	// Zone is the time zone that date functions such as CALENDAR_MONTH reckon in;
	// nil is UTC. The reference says UTC, people report that of the user.
	Zone *time.Location

	// NoSOAPLogin refuses SOAP login(), as orgs made since Winter '26 do by
	// default.
	NoSOAPLogin bool
	// NewLocation refuses logins without the security token with
	// LOGIN_MUST_USE_SECURITY_TOKEN.
	NewLocation bool
	// TrustedNetwork accepts the password without the security token.
	TrustedNetwork bool
	// PrefixedFaults writes fault codes as "sf:CODE".
	PrefixedFaults bool
	// PasswordExpired lets login() succeed with passwordExpired set.
	PasswordExpired bool
	// NoPasswordFlow refuses the OAuth password flow.
	NoPasswordFlow bool
	// NoRunAsUser refuses client credentials for want of a user to run as.
	NoRunAsUser bool
	// NoAPI answers API_DISABLED_FOR_ORG to every REST request.
	NoAPI bool
	// NoBulk refuses Bulk jobs for want of permission.
	NoBulk bool
	// Sandbox makes login() say that the org is a sandbox.
	Sandbox bool
	// NewestVersion is the newest API version that the org serves; 0 means
	// the constant of that name.
	NewestVersion int
	// PageSize caps the rows of a REST page; 0 leaves 2,000.
	PageSize int
	// MaxQueryRows is the most rows that the org finds in time: a query for more
	// ends in QUERY_TIMEOUT, and a Bulk job for more fails after many tries. 0
	// is no bound.
	MaxQueryRows int
	// BulkPageSize is the number of rows in a set of Bulk results when the
	// client does not say; 0 means 50,000.
	BulkPageSize int
}

// Set changes the knobs of a running org.
func (o *Org) Set(change func(*Knobs)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.knobs)
}

func (o *Org) knob() Knobs {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.knobs
}
