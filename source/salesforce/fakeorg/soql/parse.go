package soql

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a statement (SOQL and SOSL Reference, API 66).
const (
	maxLength = 100_000
	maxOffset = 2000
)

// Parse reads one statement. The error is an [*Error].
func Parse(text string) (*Query, error) {
	if utf8.RuneCountInString(text) > maxLength {
		return nil, &Error{"MALFORMED_QUERY", "SOQL statements can not be longer than 100000 characters"}
	}
	p := &parser{text: text}
	q, err := p.statement()
	if err != nil {
		return nil, err
	}
	return q, nil
}

// parser holds one token that was looked at. Its methods stop at the first
// error, which bad keeps: then every token is the end.
type parser struct {
	text  string
	at    int // behind tok
	tok   token
	bad   *Error
	depth int
}

// maxDepth bounds nesting: of parentheses and of subqueries.
const maxDepth = 100

func (p *parser) advance() {
	if p.bad == nil {
		p.tok, p.at, p.bad = next(p.text, p.at)
	}
	if p.bad != nil {
		p.tok = token{tokenEnd, len(p.text), ""}
	}
}

func (p *parser) fail(pos int, code, text string) {
	if p.bad == nil {
		p.bad = At(p.text, pos, code, text)
	}
	p.tok = token{tokenEnd, len(p.text), ""}
}

// unexpected refuses the token at hand.
func (p *parser) unexpected() {
	what := "'" + p.tok.text + "'"
	if p.tok.kind == tokenEnd {
		what = "'<EOF>'"
	}
	p.fail(p.tok.pos, "MALFORMED_QUERY", "unexpected token: "+what)
}

// deeper says whether one more level of nesting is allowed.
func (p *parser) deeper() bool {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.tok.pos, "MALFORMED_QUERY", "the query is nested too deep")
	}
	return p.bad == nil
}

// accept passes over a word or a mark if it is there.
func (p *parser) accept(text string) bool {
	if !p.tok.is(text) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.unexpected()
	}
}

func (p *parser) statement() (*Query, error) {
	p.advance()
	if !p.tok.is("SELECT") {
		p.unexpected()
	}
	q := p.query()
	if p.bad == nil && p.tok.kind != tokenEnd {
		p.unexpected()
	}
	if p.bad != nil {
		return nil, p.bad
	}
	return q, nil
}

// query reads a statement or a subquery from SELECT on.
func (p *parser) query() *Query {
	defer func() { p.depth-- }()
	q := &Query{Text: p.text, Limit: -1, Offset: -1}
	if !p.deeper() {
		return q
	}
	p.expect("SELECT")
	for more := true; more && p.bad == nil; more = p.accept(",") {
		q.Items = append(q.Items, p.item(true))
	}
	p.expect("FROM")
	q.From = p.name()
	if p.tok.kind == tokenWord && !clause(p.tok.text) {
		q.Alias = p.tok.text
		p.advance()
	}
	p.clauses(q)
	return q
}

// reserved are the words that begin what follows a FROM, so that they are no
// alias.
var reserved = []string{"USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE", "ALL"}

func clause(word string) bool {
	return slices.ContainsFunc(reserved, func(r string) bool { return strings.EqualFold(r, word) })
}

func (p *parser) clauses(q *Query) {
	if p.accept("USING") {
		p.expect("SCOPE")
		q.Scope = p.name().Text
	}
	if p.accept("WHERE") {
		q.Where = p.condition()
	}
	if p.accept("GROUP") {
		p.expect("BY")
		for more := true; more && p.bad == nil; more = p.accept(",") {
			q.GroupBy = append(q.GroupBy, p.item(false))
		}
		if p.accept("HAVING") {
			q.Having = p.condition()
		}
	}
	if p.accept("ORDER") {
		p.expect("BY")
		for more := true; more && p.bad == nil; more = p.accept(",") {
			q.OrderBy = append(q.OrderBy, p.order())
		}
	}
	if p.accept("LIMIT") {
		q.Limit = p.count()
	}
	if p.accept("OFFSET") {
		q.OffsetPos = p.tok.pos
		if q.Offset = p.count(); q.Offset > maxOffset {
			p.fail(q.OffsetPos, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
		}
	}
	p.tail()
}

// tail reads FOR VIEW, UPDATE TRACKING and the like, which change no result.
func (p *parser) tail() {
	for p.accept("FOR") {
		if !p.accept("VIEW") && !p.accept("REFERENCE") {
			p.expect("UPDATE")
		}
	}
	if p.accept("UPDATE") {
		if !p.accept("TRACKING") {
			p.expect("VIEWSTAT")
		}
	}
	if p.tok.is("ALL") {
		p.fail(p.tok.pos, "MALFORMED_QUERY", "ALL ROWS not allowed in this context")
	}
}

// name reads a name or a dotted path.
func (p *parser) name() Name {
	if p.tok.kind != tokenWord || p.tok.is("FROM") || p.tok.is("WHERE") {
		p.unexpected()
		return Name{}
	}
	n := Name{p.tok.text, p.tok.pos}
	p.advance()
	return n
}

// count reads a whole number.
func (p *parser) count() int {
	n, err := strconv.Atoi(p.tok.text)
	if p.tok.kind != tokenNumber || err != nil || n < 0 {
		p.unexpected()
		return 0
	}
	p.advance()
	return n
}

// item reads a selected thing; an alias may follow where one makes sense.
func (p *parser) item(selected bool) Item {
	it := Item{Pos: p.tok.pos}
	if selected && p.accept("(") {
		it.Sub = p.query()
		p.expect(")")
		return it
	}
	if selected && p.tok.is("TYPEOF") {
		return p.typeOf(it)
	}
	it.Field = p.name()
	if p.accept("(") {
		it.Func = strings.ToUpper(it.Field.Text)
		it.Field = Name{}
		if !p.tok.is(")") {
			it.Field = p.argument()
		}
		p.expect(")")
	}
	if selected && p.tok.kind == tokenWord && !p.tok.is("FROM") {
		it.Alias = p.tok.text
		p.advance()
	}
	return it
}

// argument is a field, or a function of one as in CALENDAR_YEAR(
// convertTimezone(CreatedDate)), of which the field is kept.
func (p *parser) argument() Name {
	defer func() { p.depth-- }()
	if !p.deeper() {
		return Name{}
	}
	n := p.name()
	if p.accept("(") {
		n = p.argument()
		p.expect(")")
	}
	return n
}

// typeOf passes over TYPEOF … END.
func (p *parser) typeOf(it Item) Item {
	it.TypeOf = true
	p.advance()
	it.Field = p.name()
	for p.bad == nil && !p.tok.is("END") {
		if p.tok.kind == tokenEnd {
			p.unexpected()
		}
		p.advance()
	}
	p.expect("END")
	return it
}

func (p *parser) order() Order {
	o := Order{Item: p.item(false)}
	if p.accept("DESC") {
		o.Desc = true
	} else {
		p.accept("ASC")
	}
	if p.accept("NULLS") {
		if p.accept("LAST") {
			o.NullsLast = true
		} else {
			p.expect("FIRST")
		}
	}
	return o
}
