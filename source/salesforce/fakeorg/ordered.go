package fakeorg

import "bytes"

// pair is one key of a JSON object.
type pair struct {
	key   string
	value any
}

// ordered is a JSON object that keeps its order.
type ordered []pair

// MarshalJSON writes the pairs as they stand.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(appendString(nil, p.key))
		b.WriteByte(':')
		v, err := marshal(p.value)
		if err != nil {
			return nil, err
		}
		b.Write(v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
