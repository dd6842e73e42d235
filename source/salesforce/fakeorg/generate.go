package fakeorg

import (
	"strconv"
	"strings"
)

// generator gives what a field holds in a row, from nothing but the row's
// number and the field's hash for it. Values are made when they are asked for,
// so an org of a million rows takes up no memory.
type generator func(row uint32, h uint64) value

// valueAt is the value that a field has in a row that nobody has changed.
func (f *Field) valueAt(row uint32) value {
	return f.generate(row, 0)
}

// build gives every field of the object its generator.
func (g *world) build(o *Object) {
	for _, f := range o.Fields {
		if f.generate == nil {
			g.buildField(o, f)
		}
	}
}

// buildField wraps the field's own generator with what all fields share: the
// hash of the row, the share of nulls, the rows before the field existed.
func (g *world) buildField(o *Object, f *Field) {
	salt := saltOf(g.seed, o.Name, f.Name)
	inner := g.pick(o, f, salt)
	nulls := uint64(0)
	if f.Nillable {
		nulls = nullShare(f, salt)
	}
	late := f.late
	f.generate = func(row uint32, _ uint64) value {
		h := hashOf(salt, row)
		if late && row < lateRows || h%1000 < nulls {
			return value{}
		}
		return inner(row, h>>10)
	}
}

// nullShare is the per mille of rows in which the field is null.
func nullShare(f *Field, salt uint64) uint64 {
	if f.nullShare >= 0 {
		return uint64(f.nullShare)
	}
	if !f.Createable && !f.Custom {
		return 0
	}
	return []uint64{0, 50, 100, 200, 300, 500, 700}[salt%7]
}

// pick chooses the generator by name, then by what the field's name suggests,
// then by its type.
func (g *world) pick(o *Object, f *Field, salt uint64) generator {
	if gen := g.system(o, f); gen != nil {
		return gen
	}
	if name := f.options["gen"]; name != "" {
		return g.named(o, f, name)
	}
	if len(f.Picklist) > 0 {
		return pickGenerator(f)
	}
	switch f.Type {
	case "reference":
		return g.referenceGenerator(f)
	case "boolean":
		share := salt>>20%80 + 5
		return func(_ uint32, h uint64) value { return boolValue(h%100 < share) }
	case "int":
		return intGenerator(100_000)
	case "double", "currency", "percent":
		return doubleGenerator(f)
	case "date":
		return g.dateGenerator()
	case "datetime":
		return g.datetimeGenerator()
	case "time":
		return timeGenerator()
	case "anyType":
		return anyGenerator()
	case "address", "location":
		return func(uint32, uint64) value { return value{} }
	case "base64":
		return base64Generator()
	default:
		return g.textGenerator(f)
	}
}

// system serves the fields that follow from the row itself.
func (g *world) system(o *Object, f *Field) generator {
	stamps := g.stamps(o)
	switch f.Name {
	case "Id":
		return func(row uint32, _ uint64) value { return idValue(formatID(o.Prefix, row+1)) }
	case "IsDeleted":
		return func(row uint32, _ uint64) value { return boolValue(g.bornDeleted(o, row)) }
	case "IsArchived":
		if o.archive {
			return func(row uint32, _ uint64) value { return boolValue(g.bornArchived(o, row)) }
		}
	case "CreatedDate":
		return func(row uint32, _ uint64) value { return stampValue(stamps.created(row)) }
	case "LastModifiedDate":
		return func(row uint32, _ uint64) value { return stampValue(stamps.modified(row)) }
	case "SystemModstamp":
		return func(row uint32, _ uint64) value { return stampValue(stamps.system(row)) }
	}
	return nil
}

func pickGenerator(f *Field) generator {
	list := f.Picklist
	if f.Type == "multipicklist" {
		return func(_ uint32, h uint64) value {
			chosen := []string{}
			for i, v := range list {
				if h>>i&3 == 0 {
					chosen = append(chosen, v)
				}
			}
			if len(chosen) == 0 {
				return value{}
			}
			return textValue(strings.Join(chosen, ";"))
		}
	}
	n := uint64(len(list))
	// The first values are the common ones.
	return func(_ uint32, h uint64) value { return textValue(list[min(h%n, h>>8%n)]) }
}

func intGenerator(limit uint64) generator {
	return func(_ uint32, h uint64) value {
		if h%256 == 0 {
			return intValue(nastyInts[h>>8%uint64(len(nastyInts))])
		}
		// Small numbers are commoner than large ones.
		return intValue(int64(min(h>>8%limit, h>>28%limit)))
	}
}

var powersOfTen = [...]float64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

func doubleGenerator(f *Field) generator {
	switch {
	case strings.Contains(f.Name, "Latitude"):
		return func(_ uint32, h uint64) value { return doubleValue(float64(int64(h%180_000_001)-90_000_000) / 1e6) }
	case strings.Contains(f.Name, "Longitude"):
		return func(_ uint32, h uint64) value { return doubleValue(float64(int64(h%360_000_001)-180_000_000) / 1e6) }
	case f.Type == "percent":
		scale := powersOfTen[min(f.Scale, 12)]
		return func(_ uint32, h uint64) value { return doubleValue(float64(h%uint64(100*scale)) / scale) }
	case f.Precision > 0 && f.Precision < 8:
		limit := uint64(powersOfTen[f.Precision])
		scale := powersOfTen[min(f.Scale, 12)]
		return func(_ uint32, h uint64) value { return doubleValue(float64(h%limit) / scale) }
	}
	scale := powersOfTen[min(f.Scale, 12)]
	return func(_ uint32, h uint64) value {
		if h%256 == 0 {
			return doubleValue(nastyDoubles[h>>8%uint64(len(nastyDoubles))])
		}
		// Two to nine digits before the point, all lengths alike.
		size := uint64(powersOfTen[2+h>>8%8])
		return doubleValue(float64(h>>12%(size*uint64(min(scale, 100)))) / min(scale, 100))
	}
}

func (g *world) dateGenerator() generator {
	return func(_ uint32, h uint64) value {
		if h%300 == 0 {
			return dateValue(nastyDays[h>>9%uint64(len(nastyDays))])
		}
		return dateValue(g.end - int64(h>>9%7300)*msPerDay + 365*msPerDay)
	}
}

func (g *world) datetimeGenerator() generator {
	return func(_ uint32, h uint64) value {
		if h%300 == 0 {
			d := nastyDays[h>>9%uint64(len(nastyDays))]
			return stampValue(d + int64(h>>20%86_400)*1000)
		}
		return stampValue(g.end - int64(h>>9%(7300*86_400))*1000 + 365*msPerDay)
	}
}

func timeGenerator() generator {
	return func(_ uint32, h uint64) value {
		if h%50 == 0 {
			return timeValue(nastyTimes[h>>8%uint64(len(nastyTimes))])
		}
		return timeValue(int64(h>>8%(24*4)) * 15 * 60 * 1000)
	}
}

// anyGenerator makes what history rows hold: a different type from row to row.
func anyGenerator() generator {
	return func(_ uint32, h uint64) value {
		switch h % 7 {
		case 0:
			return value{}
		case 1:
			return boolValue(h&64 == 0)
		case 2:
			return doubleValue(float64(h>>8%100_000_000) / 100)
		case 3:
			return dateValue(int64(h>>8%20_000) * msPerDay)
		case 4:
			return idValue(formatID("005", uint32(h>>8%20+1)))
		case 5:
			return stampValue(int64(h>>8%1_700_000_000) * 1000)
		default:
			return textValue(companies()[h>>8%uint64(len(companies()))])
		}
	}
}

// base64Generator gives the length of the blob; its bytes come from the hash.
func base64Generator() generator {
	return func(_ uint32, h uint64) value { return intValue(int64(h % 3000)) }
}

// referenceGenerator points at rows that exist and are not in the bin.
func (g *world) referenceGenerator(f *Field) generator {
	targets := make([]func(h uint64) value, len(f.ReferenceTo))
	for i, name := range f.ReferenceTo {
		targets[i] = g.target(name)
	}
	if len(targets) == 1 {
		only := targets[0]
		return func(_ uint32, h uint64) value { return only(h) }
	}
	n := uint64(len(targets))
	return func(_ uint32, h uint64) value { return targets[h%n](h >> 4) }
}

func (g *world) target(name string) func(h uint64) value {
	o, n := g.objects[name], uint64(g.rows[name])
	if o == nil {
		prefix := foreign[name]
		return func(h uint64) value { return idValue(formatID(prefix, uint32(h%20)+1)) }
	}
	if n == 0 {
		return func(uint64) value { return value{} }
	}
	return func(h uint64) value {
		row := uint32(h % n)
		for range 16 {
			if !g.bornDeleted(o, row) {
				break
			}
			row = (row + 1) % uint32(n)
		}
		return idValue(formatID(o.Prefix, row+1))
	}
}

func pad(n uint64, width int) string {
	s := strconv.FormatUint(n, 10)
	if len(s) < width {
		s = "000000000000"[:width-len(s)] + s
	}
	return s
}
