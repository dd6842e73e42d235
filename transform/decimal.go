package transform

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// maxExponent bounds what an exponent may ask for; doubles end at 308.
const maxExponent = 400

// parseDecimal reads a number, exponent form included, as a decimal of the
// given digits, exactly. Otherwise it says why not.
func parseDecimal(text string, precision, scale int32) (n decimal128.Num, why string) {
	mantissa, point, ok := splitNumber(text)
	if !ok {
		return n, "it is not a number"
	}
	// The value is mantissa * 10^-point; the decimal holds it times 10^scale.
	shift := int(scale) - point
	switch {
	case mantissa == "" || mantissa == "-":
		return n, ""
	case shift < 0:
		return n, "it has " + strconv.Itoa(point) + " digits after the point"
	case len(strings.TrimPrefix(mantissa, "-"))+shift > int(precision):
		return n, "it has too many digits before the point"
	}
	v, _ := new(big.Int).SetString(mantissa+strings.Repeat("0", shift), 10)
	return decimal128.FromBigInt(v), ""
}

// splitNumber gives the digits of a number without zeros at either end, and how
// many of them stand after the point; less than 0 when zeros follow.
func splitNumber(text string) (mantissa string, point int, ok bool) {
	if !isNumber(text) {
		return "", 0, false
	}
	text, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	exp := 0
	if exponent != "" {
		var err error
		if exp, err = strconv.Atoi(exponent); err != nil || exp > maxExponent || exp < -maxExponent {
			return "", 0, false
		}
	}
	sign := ""
	if text[0] == '-' {
		sign = "-"
	}
	whole, fraction, _ := strings.Cut(unsigned(text), ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	point = len(fraction) - exp
	trimmed := strings.TrimRight(digits, "0")
	point -= len(digits) - len(trimmed)
	return sign + trimmed, point, true
}

// significant counts the digits of a number that carry it.
func significant(text string) int {
	mantissa, _, _ := splitNumber(text)
	return len(strings.TrimPrefix(mantissa, "-"))
}

// isNumber says whether text is a decimal number: 12, -1.5, .5, 1.2e-3. It
// knows no hexadecimal, underscores, infinities.
func isNumber(text string) bool {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(unsigned(text)), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !isDigits(whole+fraction) {
		return false
	}
	exponent = unsigned(exponent)
	return !hasExponent || exponent != "" && isDigits(exponent)
}

// unsigned is text without the one sign that it may begin with.
func unsigned(text string) string {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		return text[1:]
	}
	return text
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }
