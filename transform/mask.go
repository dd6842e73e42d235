package transform

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// MaskKey is the environment variable that holds the secret of hmac and
// date_shift, unless hmac names another.
const MaskKey = "SLUICE_MASK_KEY"

// Mask is one entry of --mask.
type Mask struct {
	Field, Algorithm string
	// Param is what stands after the algorithm; may be empty.
	Param string
}

// asked leaves Param out: it may be a secret that went to the wrong place.
func (m Mask) asked() string { return "--mask " + m.Field + ":" + m.Algorithm }

// keepsApart says whether different values stay different, for ever the same
// way, so that a key can be masked.
func (m Mask) keepsApart() bool {
	return slices.Contains([]string{"hash", "sha256", "md5", "hmac"}, m.Algorithm)
}

// Algorithms lists the masks for help and errors.
const Algorithms = "hash, sha256, md5, hmac[:VARIABLE], email, phone, redact, stars, fixed[:TEXT], partial[:N], first_letter, round[:N], year_only, month_year, date_shift[:DAYS]"

const maskForms = "write field:algorithm or field:algorithm:parameter, with commas between them: 'email:hash,phone:partial:3'"

// ParseMasks reads entries with commas between them: field:algorithm, or
// field:algorithm:parameter.
func ParseMasks(text string) ([]Mask, error) {
	var masks []Mask
	for entry := range strings.SplitSeq(text, ",") {
		field, rest, ok := strings.Cut(entry, ":")
		algorithm, param, hasParam := strings.Cut(rest, ":")
		m := Mask{strings.TrimSpace(field), strings.ToLower(strings.TrimSpace(algorithm)), param}
		if !ok || m.Field == "" || m.Algorithm == "" {
			return nil, badRequest(maskForms, "--mask: an entry has no field or no algorithm")
		}
		if err := m.check(hasParam); err != nil {
			return nil, err
		}
		masks = append(masks, m)
	}
	return masks, nil
}

// numbered has the algorithms that take a number, and the number they take
// when none is given.
var numbered = map[string]int64{"partial": 2, "round": 10, "date_shift": 30}

// random has the algorithms of ingestr that give a value another mask at each
// run.
var random = []string{"uuid", "sequential", "random", "noise"}

// instead has the other algorithms of ingestr, and what comes nearest here.
var instead = map[string]string{"credit_card": "partial:4", "ssn": "partial:4", "range": "round:N"}

// check refuses what no schema could make right.
func (m Mask) check(hasParam bool) error {
	switch m.Algorithm {
	case "hash", "sha256", "md5", "email", "phone", "redact", "stars", "first_letter", "year_only", "month_year":
		if hasParam {
			return badRequest("leave it out", "%s takes no parameter", m.asked())
		}
	case "partial", "round", "date_shift":
		if hasParam {
			// 100 years of days; more would leave the calendar of some databases.
			if n, err := strconv.ParseInt(m.Param, 10, 64); err != nil || n < 1 || m.Algorithm == "date_shift" && n > 36525 {
				return badRequest("write a whole number of 1 or more, for date_shift up to 36525: "+m.Field+":"+m.Algorithm+":"+strconv.FormatInt(numbered[m.Algorithm], 10), "%s does not take that parameter", m.asked())
			}
		}
	case "hmac", "fixed":
	default:
		if slices.Contains(random, m.Algorithm) {
			return badRequest("use hash or hmac", "%s: it would mask a value differently at each run, so that rows changed by merging alone", m.asked())
		}
		if like := instead[m.Algorithm]; like != "" {
			return badRequest("use "+like, "%s: there is no such algorithm here", m.asked())
		}
		return badRequest("use "+Algorithms, "%s: unknown algorithm", m.asked())
	}
	return nil
}

// number is the parameter of an algorithm in numbered.
func (m Mask) number() int64 {
	if n, err := strconv.ParseInt(m.Param, 10, 64); err == nil {
		return n
	}
	return numbered[m.Algorithm]
}

// step is the mask of a field.
func (m Mask) step(f arrow.Field, o Options) (step, error) {
	s := step{to: arrow.BinaryTypes.String, asked: m.asked(), name: m.Algorithm}
	switch {
	case numbered[m.Algorithm] > 0:
		s.name += ":" + strconv.FormatInt(m.number(), 10)
	case m.Algorithm == "fixed":
		s.name += ":" + m.Param
	}
	if m.Algorithm == "hmac" || m.Algorithm == "date_shift" {
		secret, err := m.secret(o.Getenv)
		if err != nil {
			return s, err
		}
		s.salt = keyed(secret, "fingerprint of a transform")
		if m.Algorithm == "hmac" {
			s.do = masked(func(v string) string { return hex.EncodeToString(keyed(secret, v)) })
			return s, nil
		}
		s.to = f.Type
		s.record = dateShift(secret, m.number(), o.Key)
	}
	id := f.Type.ID()
	isDay := id == arrow.DATE32 || id == arrow.TIMESTAMP
	switch m.Algorithm {
	case "date_shift", "year_only", "month_year":
		if !isDay {
			return s, badRequest("it is for dates and datetimes; use redact or hash", "%s: %s is %s", m.asked(), f.Name, TypeName(f.Type))
		}
	case "round":
		if id != arrow.INT64 && id != arrow.FLOAT64 {
			return s, badRequest("it is for numbers; use redact or hash", "%s: %s is %s", m.asked(), f.Name, TypeName(f.Type))
		}
	}
	switch m.Algorithm {
	case "year_only":
		s.to, s.do = arrow.PrimitiveTypes.Int64, yearOnly
	case "month_year":
		s.do = monthYear
	case "round":
		s.to, s.do = f.Type, round(m.number())
	case "date_shift":
	default:
		s.do = masked(m.text())
	}
	return s, nil
}

// text is the algorithm of a mask that gives text for text.
func (m Mask) text() func(string) string {
	switch m.Algorithm {
	case "hash", "sha256":
		return func(v string) string { h := sha256.Sum256([]byte(v)); return hex.EncodeToString(h[:]) }
	case "md5":
		return func(v string) string { h := md5.Sum([]byte(v)); return hex.EncodeToString(h[:]) }
	case "email":
		return maskEmail
	case "phone":
		return maskPhone
	case "stars":
		return stars
	case "partial":
		n := m.number()
		return func(v string) string { return partial(v, n) }
	case "first_letter":
		return firstLetter
	case "fixed":
		fixed := m.Param
		if fixed == "" {
			fixed = "MASKED"
		}
		return func(string) string { return fixed }
	}
	return func(string) string { return "REDACTED" }
}

// secret looks up the key of hmac and date_shift.
func (m Mask) secret(getenv func(string) string) ([]byte, error) {
	variable := MaskKey
	if m.Algorithm == "hmac" && m.Param != "" {
		variable = m.Param
	}
	if getenv != nil {
		if secret := getenv(variable); secret != "" {
			return []byte(secret), nil
		}
	}
	if variable == MaskKey {
		return nil, badRequest("set "+MaskKey+" to a long secret, and keep it: with another one the same value gets another mask", "%s: the environment has no %s", m.asked(), MaskKey)
	}
	// The name is not shown: where ingestr is called alike, it is the key.
	return nil, badRequest("after hmac: stands the name of a variable, never the key itself, which other users of a machine could see; or leave it out and set "+MaskKey, "%s: the environment has no variable of that name", m.asked())
}

func keyed(secret []byte, text string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text)) // never an error
	return h.Sum(nil)
}

// masked makes a text of any value and masks it.
func masked(mask func(string) string) change {
	return func(in arrow.Array, row int, out array.Builder) error {
		out.(*array.StringBuilder).Append(mask(Text(in, row)))
		return nil
	}
}

func dayOf(in arrow.Array, row int) time.Time {
	if d, ok := in.(*array.Date32); ok {
		return d.Value(row).ToTime()
	}
	return time.UnixMicro(int64(in.(*array.Timestamp).Value(row))).UTC()
}

func yearOnly(in arrow.Array, row int, out array.Builder) error {
	out.(*array.Int64Builder).Append(int64(dayOf(in, row).Year()))
	return nil
}

func monthYear(in arrow.Array, row int, out array.Builder) error {
	out.(*array.StringBuilder).Append(dayOf(in, row).Format("2006-01"))
	return nil
}

// dateShift moves a date by 1 to most days, forth or back. All dates of a row
// move alike, at each run: days between them stay, and a merge gives what a
// replace would (P5).
func dateShift(secret []byte, most int64, key []string) func(arrow.RecordBatch, arrow.Array, int, array.Builder) error {
	return func(b arrow.RecordBatch, in arrow.Array, row int, out array.Builder) error {
		n := int64(binary.BigEndian.Uint64(keyed(secret, rowKey(b, in, row, key))) % uint64(2*most))
		days := n - most
		if days >= 0 {
			days++
		}
		if d, ok := in.(*array.Date32); ok {
			out.(*array.Date32Builder).Append(d.Value(row) + arrow.Date32(days))
			return nil
		}
		out.(*array.TimestampBuilder).Append(in.(*array.Timestamp).Value(row) + arrow.Timestamp(days*day))
		return nil
	}
}

// errRound does not show the value: it was to be masked.
var errRound = errors.New("holds a number that is out of range when it is rounded")

// round gives the nearest multiple of n, the even one of two that are as near.
func round(n int64) change {
	return func(in arrow.Array, row int, out array.Builder) error {
		if f, ok := in.(*array.Float64); ok {
			v := math.RoundToEven(f.Value(row)/float64(n)) * float64(n)
			if math.IsInf(v, 0) {
				return errRound
			}
			out.(*array.Float64Builder).Append(v)
			return nil
		}
		v := in.(*array.Int64).Value(row)
		q, r := v/n, v%n
		if r < 0 {
			q, r = q-1, r+n
		}
		if r > n-r || r == n-r && q%2 != 0 {
			q++
		}
		if q != 0 && (q*n)/q != n {
			return errRound
		}
		out.(*array.Int64Builder).Append(q * n)
		return nil
	}
}
