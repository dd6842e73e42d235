package cli

import (
	"fmt"
	"slices"
	"strings"
)

// selectedColumn is one column of the answer to a query: what it is called, and the
// names by which a record has it, the likeliest first.
type selectedColumn struct {
	name  string
	paths [][]string
	// field is the path of the field that it is, or that call takes; empty for
	// the rows of a child. Call is a function in upper case, empty for none.
	field []string
	call  string
}

// selectList reads the columns of a query in the order that they are asked for.
// A record does not have them all: Salesforce sends null for a whole parent.
// A list with FIELDS() or TYPEOF is not known before the answer: then none come
// back. Count is true for SELECT COUNT(), which has no records.
func selectList(soql string) (columns []selectedColumn, count bool, err error) {
	rest, ok := cutWord(strings.TrimSpace(soql), "SELECT")
	if !ok {
		return nil, false, &usageError{"the query does not begin with SELECT", "for example: sluice query 'SELECT Id, Name FROM Account LIMIT 5'"}
	}
	items, _, found := splitSelect(rest)
	if !found {
		return nil, false, &usageError{"the query names no object: FROM is missing", "for example: sluice query 'SELECT Id, Name FROM Account LIMIT 5'"}
	}
	unnamed := 0
	for _, item := range items {
		column, named, known := columnOf(item, unnamed)
		switch {
		case !known:
			return nil, false, nil
		case len(items) == 1 && strings.EqualFold(strings.ReplaceAll(item, " ", ""), "count()"):
			return nil, true, nil
		case !named:
			unnamed++
		}
		columns = append(columns, column)
	}
	return columns, false, nil
}

// columnOf reads one item. Named is false for a call without an alias, which
// Salesforce may call expr0, expr1 and so on.
func columnOf(item string, unnamed int) (c selectedColumn, named, known bool) {
	if inner, ok := strings.CutPrefix(item, "("); ok { // the rows of a child
		_, from, _ := cutFold(inner, " FROM ")
		child, _, _ := strings.Cut(strings.TrimSpace(strings.TrimRight(from, ") ")), " ")
		return selectedColumn{name: child, paths: [][]string{{child}}}, true, child != ""
	}
	head, alias := item, ""
	if i := strings.LastIndexAny(item, " \t\n)"); i >= 0 && item[i] != ')' {
		head, alias = strings.TrimSpace(item[:i]), item[i+1:]
	}
	function, argument, call := strings.Cut(head, "(")
	if strings.EqualFold(function, "FIELDS") || strings.EqualFold(strings.Fields(item)[0], "TYPEOF") {
		return c, false, false
	}
	c.field = strings.Split(head, ".")
	if call {
		c.call = strings.ToUpper(strings.TrimSpace(function))
		inner := argument[strings.LastIndex(argument, "(")+1:] // of CALENDAR_YEAR(convertTimezone(CreatedDate))
		c.field = strings.Split(strings.TrimSpace(strings.TrimRight(inner, ") ")), ".")
	}
	switch {
	case alias != "":
		c.name, c.paths = alias, [][]string{{alias}}
	case call:
		c.name = fmt.Sprintf("expr%d", unnamed)
		c.paths = [][]string{{c.name}, c.field}
		return c, false, true
	default:
		// Grouped by a parent's field, it stands in the record itself.
		c.name, c.paths = head, [][]string{c.field, {c.field[len(c.field)-1]}}
	}
	return c, true, true
}

// fromOf is the object that a query is about, and the other name that it gives
// it, if any.
func fromOf(soql string) (object, alias string) {
	rest, _ := cutWord(strings.TrimSpace(soql), "SELECT")
	_, after, _ := splitSelect(rest)
	words := strings.Fields(after)
	if len(words) == 0 {
		return "", ""
	}
	clauses := []string{"USING", "WHERE", "WITH", "GROUP", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE", "ALL"}
	if len(words) > 1 && !slices.Contains(clauses, strings.ToUpper(words[1])) {
		alias = words[1]
	}
	return words[0], alias
}

// splitSelect parts the list before FROM at its commas, and gives what is after
// FROM.
func splitSelect(s string) (items []string, after string, found bool) {
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			for i++; i < len(s) && s[i] != '\''; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			items = append(items, strings.TrimSpace(s[start:i]))
			start = i + 1
		case depth == 0 && (c == ' ' || c == '\n' || c == '\t' || c == '\r' || i > 0 && s[i-1] == ')'):
			if after, is := cutWord(strings.TrimLeft(s[i:], " \t\r\n"), "FROM"); is {
				items = append(items, strings.TrimSpace(s[start:i]))
				for _, item := range items {
					if item == "" {
						return nil, "", false
					}
				}
				return items, after, true
			}
		}
	}
	return nil, "", false
}

// cutWord cuts a word off, in any case.
func cutWord(s, word string) (rest string, ok bool) {
	if len(s) <= len(word) || !strings.EqualFold(s[:len(word)], word) || !strings.ContainsRune(" \t\r\n(", rune(s[len(word)])) {
		return s, false
	}
	return s[len(word):], true
}

func cutFold(s, separator string) (before, after string, found bool) {
	i := strings.Index(strings.ToUpper(s), separator)
	if i < 0 || len(strings.ToUpper(s)) != len(s) {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
