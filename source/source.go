// Package source says what a system that tables are read from must do. Arrow
// schemas and record batches are the only words it shares with destinations.
package source

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Source is one upstream system, logged in. Its methods may be called
// concurrently.
type Source interface {
	// Table looks up name as the user wrote it and describes it. The schema
	// is complete before any row is read.
	Table(ctx context.Context, name string) (Table, error)
	// Identity names what was logged in to, the same for every login to it: an
	// org id. State is kept under it.
	Identity(ctx context.Context) (string, error)
	// Host is where it is served, for texts: "acme.my.salesforce.com".
	Host() string
	// Usage is what this Source has cost so far. It never blocks, so a
	// progress display may poll it.
	Usage() Usage
	Close() error
}

// Table is one readable table.
type Table interface {
	// Name is what the upstream system calls the table, in its own spelling.
	Name() string
	// Schema gives the columns in the order they are read. Field names are the
	// upstream system's; the metadata holds its type under [TypeKey].
	Schema() *arrow.Schema
	// Key lists the columns that identify a row; empty when none do.
	Key() []string
	// Strategy is how the table is loaded unless the user says otherwise.
	Strategy() string
	// CursorKey is the column that grows when a row changes; empty when the
	// table has none, so that it can only be replaced.
	CursorKey() string
	// DeletedKey is the boolean column that marks rows which were deleted and
	// are still known; empty when the table has none.
	DeletedKey() string
	// Derived lists the columns whose values change without CursorKey growing:
	// formulas and roll-up summaries.
	Derived() []string
	// Scan plans one pass: counts, picks the way to read, starts what the
	// upstream system has to prepare. No row is read yet.
	Scan(ctx context.Context, r Request) (Scan, error)
	// Estimate tells what a Scan of the same request would do and cost. It
	// starts nothing, and reads no more than a count.
	Estimate(ctx context.Context, r Request) (Estimate, error)
	// Totals adds up the rows that Where and From and To of r leave, deleted ones
	// aside, without reading them: one call, however many there are. Fields are
	// those that it may go by.
	Totals(ctx context.Context, r Request) (Totals, error)
}

// Totals are what the rows of a Table add up to, month by month.
type Totals struct {
	// Clock is the datetime field by which rows are in a month: one that never
	// changes. It is empty where the table has none; then there is one Total.
	Clock string
	// Cursor is the field of Total.Newest, Sums those of Total.Sums.
	Cursor string
	Sums   []string
	// Months are in the order of time and do not overlap. In which time zone
	// they begin is for the upstream system to choose. Those without rows are
	// not among them.
	Months []Total
}

// Total is what the rows of a month add up to.
type Total struct {
	// Year and Month are what the upstream system takes the month for.
	Year, Month int
	// First and Last are the least and the greatest Clock; both zero for rows
	// without one.
	First, Last time.Time
	Rows        int64
	// Newest is the greatest Cursor, zero when there is none.
	Newest time.Time
	// Sums leave nulls out.
	Sums []float64
}

// TypeKey is the field metadata key that holds the upstream type of a column.
const TypeKey = "source.type"

// Request says which rows of a Table a Scan reads and who is told about it.
// The zero Request reads all of them.
type Request struct {
	// CursorKey is the column that From and To speak of. Empty means the
	// table's own.
	CursorKey string
	// From and To bound the rows: CursorKey >= From, CursorKey < To. A zero
	// time is no bound. Without To, rows whose CursorKey is null come too.
	From, To time.Time
	// WithDeleted also reads rows that are deleted and still known, their
	// DeletedKey true.
	WithDeleted bool
	// Track makes the Scan know its Horizon, and its Gone list the rows that
	// were erased since GoneSince.
	Track     bool
	GoneSince time.Time
	// Fields are the columns to read, in this order; empty means all of Schema.
	Fields []string
	// Texts are columns of numbers to read as text, as the upstream system
	// writes them: a double holds 15 digits and a number may have 18.
	Texts []string
	// Where is a condition in the upstream system's own language, beside all
	// others; empty for none.
	Where string
	// Limit is how many rows to read at most, whichever come first; 0 means
	// all.
	Limit int64
	// Resume is what an earlier Scan of the same rows came to. It is used when
	// the upstream system still has what it prepared then, and no harm else.
	Resume Resume
	// Observe is told of phases and warnings, from any goroutine. It may be
	// nil.
	Observe func(Event)
}

// Resume is how far a Scan came that somebody did not end.
type Resume struct {
	// Token is what the Scan gave; empty for none.
	Token string
	// Done gives the rows of each part that was read to its end, by its name.
	Done map[string]int64
}

// Event is one thing a user may want to know while a Scan runs.
type Event struct {
	// Phase is what the scan is doing now, "waiting for Bulk job 750…".
	// Empty when the event is a warning.
	Phase string
	// Warning is something that went differently than asked, and why it is
	// right to go on.
	Warning string
}

// Plan is what a Scan decided before the first row.
type Plan struct {
	// API is the way the rows are read: "rest" or "bulk".
	API string
	// Reason says in a few words why it was picked.
	Reason string
	// Rows is how many rows are expected, -1 when nobody knows yet.
	Rows int64
}

// Estimate is what a Scan would do, and about what it would cost.
type Estimate struct {
	Plan
	// Query is what the upstream system would be asked, in its own language.
	Query string
	// Calls counts the requests, from the describe on, Jobs what the upstream
	// system would have to prepare; the login is not among them.
	Calls, Jobs int64
	// Time is how long reading may take. It is a guess.
	Time time.Duration
}

// Scan is one pass over a table, handed out in parts.
type Scan interface {
	// Plan may change (Rows becomes known) until the first Part is out.
	Plan() Plan
	// Next waits for the next part. It returns io.EOF after the last one and
	// is not called concurrently; parts it has handed out may be read while it
	// waits.
	Next(ctx context.Context) (Part, error)
	// Token names what the upstream system has prepared for this Scan, so that
	// a later one can go on with it (P9); empty when it cannot. It does not
	// change after the first Next. When it is that of Request.Resume, Next
	// hands out only the parts that are not done, and Verify and Horizon take
	// the done ones into account.
	Token() string
	// Horizon is a moment, by the upstream system's clock, before which no row
	// will change any more that this scan has not seen (P6). It is zero when
	// the request did not ask for it or the system does not tell.
	Horizon() time.Time
	// Logged says whether the upstream system told what was erased since
	// GoneSince, as far as it keeps that at all.
	Logged() bool
	// Began is the source's clock before the Scan's first query, zero unless it
	// was asked to Track: what changed before is among its rows, but for what
	// was committed late.
	Began() time.Time
	// Gone calls emit with the keys of rows that were erased since GoneSince
	// and are no longer there, in batches whose only columns are the table's
	// Key. It is called after every part was read.
	Gone(ctx context.Context, emit func(arrow.RecordBatch) error) error
	// Verify compares what was received with what the upstream system says it
	// sent (P2). It is called once, after every part was read to its end.
	Verify() error
	// Keep makes Close leave what the upstream system has prepared, for a Scan
	// that goes on with Token.
	Keep()
	// Close ends what the upstream system still runs for this scan. It is
	// always called, also after an error or a cancelled context.
	Close(ctx context.Context) error
}

// Part is a piece of a Scan that can be read on its own, and read again from
// its start after an error: the same rows come.
type Part interface {
	// Name tells the parts of one scan apart.
	Name() string
	// Read calls emit for each batch in order, from one goroutine, and stops
	// at the first error, its own or emit's. The batch belongs to Read: emit
	// retains it to keep it.
	Read(ctx context.Context, emit func(arrow.RecordBatch) error) error
}

// Usage is what a Source has cost so far.
type Usage struct {
	// Calls counts the requests sent, logins and retries included.
	Calls int64
	// Bytes counts the body bytes received, after decompression.
	Bytes int64
	// LimitUsed and LimitMax are the upstream system's own daily count as last
	// reported; both 0 when it never reported.
	LimitUsed, LimitMax int64
}

// Opener returns an open Source. It fails fast: a Source it returns is logged
// in.
type Opener func(ctx context.Context) (Source, error)
