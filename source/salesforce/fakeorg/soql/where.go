package soql

import "strings"

// condition reads conditions joined by AND or by OR; to mix the two takes
// parentheses.
func (p *parser) condition() Expr {
	defer func() { p.depth-- }()
	if !p.deeper() {
		return nil
	}
	parts := []Expr{p.negation()}
	word := ""
	for p.bad == nil && (p.tok.is("AND") || p.tok.is("OR")) {
		joined := strings.ToUpper(p.tok.text)
		if word != "" && word != joined {
			p.unexpected()
			return nil
		}
		word = joined
		p.advance()
		parts = append(parts, p.negation())
	}
	switch word {
	case "AND":
		return &And{parts}
	case "OR":
		return &Or{parts}
	}
	return parts[0]
}

func (p *parser) negation() Expr {
	if p.accept("NOT") {
		defer func() { p.depth-- }()
		if !p.deeper() {
			return nil
		}
		return &Not{p.negation()}
	}
	if p.accept("(") {
		e := p.condition()
		p.expect(")")
		return e
	}
	return p.comparison()
}

func (p *parser) comparison() Expr {
	c := &Compare{Left: p.item(false)}
	switch {
	case p.accept("NOT"):
		p.expect("IN")
		c.Op = "NOT IN"
	case p.accept("<>"):
		c.Op = "!="
	default:
		for _, op := range []string{"=", "!=", "<=", ">=", "<", ">", "LIKE", "IN", "INCLUDES", "EXCLUDES"} {
			if p.accept(op) {
				c.Op = op
				break
			}
		}
	}
	switch c.Op {
	case "":
		p.unexpected()
	case "IN", "NOT IN", "INCLUDES", "EXCLUDES":
		p.list(c)
	default:
		c.Value = p.literal(c.Op == "LIKE")
	}
	return c
}

// list reads what stands behind IN: literals, or a subquery.
func (p *parser) list(c *Compare) {
	p.expect("(")
	if p.tok.is("SELECT") {
		if strings.HasSuffix(c.Op, "CLUDES") {
			p.unexpected()
		}
		c.Sub = p.query()
		p.expect(")")
		return
	}
	for more := true; more && p.bad == nil; more = p.accept(",") {
		c.List = append(c.List, p.literal(false))
	}
	p.expect(")")
}
