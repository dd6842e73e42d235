package fakeorg

import (
	"math"
	"strconv"
)

// appendDouble writes f as Java's Double.toString does, which is what
// Salesforce sends: always a fraction, an exponent from 1e7 up and below 1e-3.
func appendDouble(b []byte, f float64) []byte {
	size := math.Abs(f)
	if size != 0 && (size >= 1e7 || size < 1e-3) {
		return appendExponent(b, f)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	for _, c := range b[start:] {
		if c == '.' {
			return b
		}
	}
	return append(b, ".0"...)
}

// appendExponent writes 1.39E8, 1.0E-4: no plus, no leading zero.
func appendExponent(b []byte, f float64) []byte {
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	mantissa, exponent := text, []byte(nil)
	for i, c := range text {
		if c == 'e' {
			mantissa, exponent = text[:i], text[i+1:]
			break
		}
	}
	b = append(b, mantissa...)
	if len(mantissa) < 3 || mantissa[len(mantissa)-2] == '-' {
		b = append(b, ".0"...)
	}
	b = append(b, 'E')
	if exponent[0] == '-' {
		b = append(b, '-')
	}
	exponent = exponent[1:]
	if exponent[0] == '0' {
		exponent = exponent[1:]
	}
	return append(b, exponent...)
}

// appendPlain writes f without an exponent, with a fraction.
func appendPlain(b []byte, f float64) []byte {
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	for _, c := range b[start:] {
		if c == '.' {
			return b
		}
	}
	return append(b, ".0"...)
}
