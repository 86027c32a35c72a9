// Package jsondoc reads and writes JSON documents without losing the order of an
// object's members, and writes them as jq does. A digest is taken of bytes, so a
// document that is changed in one place must keep all others as they were.
package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth limits nested arrays and objects, far above what any OCI document has.
const maxDepth = 1000

// A Value is one of nil, bool, json.Number (an integer), string, []Value and *Object.
type Value = any

// An Object is a JSON object whose members keep the order in which they were first
// set. The zero Object is empty and ready to use.
type Object struct {
	keys    []string
	members map[string]Value
}

// NewObject returns an object of the given keys and values, alternating.
func NewObject(keysAndValues ...Value) *Object {
	o := &Object{}
	for pair := range slices.Chunk(keysAndValues, 2) {
		o.Set(pair[0].(string), pair[1])
	}
	return o
}

// Get returns the member of that key, nil when there is none.
func (o *Object) Get(key string) Value { return o.members[key] }

// String returns the member of that key if it is a string, else "".
func (o *Object) String(key string) string {
	s, _ := o.members[key].(string)
	return s
}

// Object returns the member of that key if it is an object, else nil.
func (o *Object) Object(key string) *Object {
	member, _ := o.members[key].(*Object)
	return member
}

// Array returns the member of that key if it is an array, else nil.
func (o *Object) Array(key string) []Value {
	member, _ := o.members[key].([]Value)
	return member
}

// Set sets a member. A new one comes last, an existing one keeps its place.
func (o *Object) Set(key string, v Value) {
	if o.members == nil {
		o.members = map[string]Value{}
	}
	if _, ok := o.members[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.members[key] = v
}

// Delete removes a member, if there is one of that key.
func (o *Object) Delete(key string) {
	delete(o.members, key)
	o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
}

// Keys returns the keys in order. The slice is the object's own.
func (o *Object) Keys() []string { return o.keys }

// Sort puts the members in the order of their keys.
func (o *Object) Sort() { o.keys = slices.Sorted(maps.Keys(o.members)) }

// Merge sets each member of other; where both have an object it merges these in turn.
func (o *Object) Merge(other *Object) {
	for _, key := range other.keys {
		mine, theirs := o.Object(key), other.Object(key)
		if mine != nil && theirs != nil {
			mine.Merge(theirs)
		} else {
			o.Set(key, other.members[key])
		}
	}
}

// Int returns the JSON number of n.
func Int(n int64) Value { return json.Number(strconv.FormatInt(n, 10)) }

// Strings returns the JSON array of the strings.
func Strings(elems []string) []Value {
	array := make([]Value, len(elems))
	for i, e := range elems {
		array[i] = e
	}
	return array
}

// ParseObject parses a document that is one JSON object (RFC 8259). It refuses
// numbers that are not integers: no OCI document has any. The last of several
// members of one key counts.
func ParseObject(data []byte) (*Object, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	o, ok := v.(*Object)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return o, nil
}

func parseValue(d *json.Decoder, depth int) (Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		if strings.ContainsAny(t.String(), ".eE") {
			return nil, fmt.Errorf("number %s is not an integer", t)
		}
		return t, nil
	case json.Delim:
		if t == '[' {
			return parseArray(d, depth)
		}
		return parseMembers(d, depth)
	default:
		return t, nil
	}
}

func parseArray(d *json.Decoder, depth int) (Value, error) {
	array := []Value{}
	for d.More() {
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := d.Token()
	return array, unexpected(err)
}

func parseMembers(d *json.Decoder, depth int) (Value, error) {
	o := &Object{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, unexpected(err)
		}
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		o.Set(key.(string), v)
	}
	_, err := d.Token()
	return o, unexpected(err)
}

// unexpected names the end of the input inside a value for what it is.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Marshal writes the value as jq does: an indentation of two spaces, a space after
// each colon, no newline at the end.
func Marshal(v Value) []byte { return appendValue(nil, v, "\n") }

func appendValue(b []byte, v Value, newline string) []byte {
	inner := newline + "  "
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case json.Number:
		return append(b, v...)
	case string:
		return appendString(b, v)
	case []Value:
		if len(v) == 0 {
			return append(b, "[]"...)
		}
		for i, e := range v {
			b = append(b, separator("[,", i))
			b = append(b, inner...)
			b = appendValue(b, e, inner)
		}
		b = append(b, newline...)
		return append(b, ']')
	case *Object:
		if len(v.keys) == 0 {
			return append(b, "{}"...)
		}
		for i, key := range v.keys {
			b = append(b, separator("{,", i))
			b = append(b, inner...)
			b = appendString(b, key)
			b = append(b, ": "...)
			b = appendValue(b, v.members[key], inner)
		}
		b = append(b, newline...)
		return append(b, '}')
	default:
		panic(fmt.Sprintf("jsondoc: %T is no JSON value", v))
	}
}

// separator returns the byte before the i-th element, of "opening, comma".
func separator(openComma string, i int) byte { return openComma[min(i, 1)] }

// appendString escapes what jq escapes, which is not what encoding/json does: DEL
// too, but neither <, > and & nor U+2028 and U+2029.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x20 || c == 0x7f:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
