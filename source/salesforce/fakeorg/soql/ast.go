// Package soql reads SOQL: the grammar of the SOQL and SOSL Reference (API 66),
// the literals, and the refusals in Salesforce's own words. What a query means
// for rows is not its concern.
package soql

import "time"

// Query is one statement. Positions are byte offsets into Text.
type Query struct {
	Text    string
	Items   []Item
	From    Name
	Alias   string
	Scope   string
	Where   Expr // nil without WHERE
	GroupBy []Item
	Having  Expr
	OrderBy []Order
	Limit   int // -1 without LIMIT
	Offset  int // -1 without OFFSET
	// OffsetPos is where the number of OFFSET stands.
	OffsetPos int
}

// Name is a name or a path of names joined by dots, and its place.
type Name struct {
	Text string
	Pos  int
}

// Item is one selected thing: a field, a function of a field, a subquery or a
// TYPEOF.
type Item struct {
	Pos int
	// Func is upper case: COUNT, SUM, FIELDS, TOLABEL, CALENDAR_YEAR. Empty
	// for a plain field.
	Func string
	// Field is the path, or the argument of Func; empty for COUNT().
	Field Name
	Alias string
	// Sub is a child subquery, TypeOf a polymorphic selection.
	Sub    *Query
	TypeOf bool
}

// Aggregate says whether the item sums rows up.
func (i Item) Aggregate() bool {
	switch i.Func {
	case "COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX":
		return true
	}
	return false
}

// Order is one key of ORDER BY.
type Order struct {
	Item      Item
	Desc      bool
	NullsLast bool
}

// Expr is a condition: *And, *Or, *Not or *Compare.
type Expr interface{ expr() }

// And holds when all of its parts do.
type And struct{ Parts []Expr }

// Or holds when one of its parts does.
type Or struct{ Parts []Expr }

// Not holds when its part does not.
type Not struct{ Part Expr }

// Compare compares a field with a literal, or with a list of them, or with the
// results of a subquery.
type Compare struct {
	Left Item
	// Op is one of = != < <= > >= LIKE IN NOT IN INCLUDES EXCLUDES.
	Op    string
	Value Literal
	List  []Literal
	Sub   *Query
}

func (*And) expr()     {}
func (*Or) expr()      {}
func (*Not) expr()     {}
func (*Compare) expr() {}

// Kind is what a literal is written as.
type Kind uint8

// The kinds of Literal.
const (
	Null Kind = iota
	String
	Number
	Bool
	Date     // 2026-01-31
	DateTime // 2026-01-31T00:00:00Z
	Span     // TODAY, LAST_N_DAYS:7
)

// Literal is a value in a query.
type Literal struct {
	Kind Kind
	Pos  int
	// Text is the value of a String, with its escapes undone; else the
	// literal as written.
	Text string
	// Like is the pattern of a String used with LIKE: each rune, Any for %,
	// One for _.
	Like []rune
	Num  float64
	Bool bool
	// Time is the instant of a DateTime, or midnight UTC of a Date.
	Time time.Time
	// Name and N are those of a Span: LAST_N_DAYS and 7.
	Name string
	N    int
}

// Wildcards in Literal.Like. No rune of a text has these values.
const (
	Any rune = -1
	One rune = -2
)
