package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// An object is a JSON object that keeps the order of its members. A digest is computed
// over bytes, so a document that is changed in one place must keep the rest as it was.
// A nil *object reads as an empty one.
type object struct{ members []member }

type member struct {
	key   string
	value any // nil, bool, json.Number (an integer), string, []any or *object
}

// newObject returns an object of alternating keys and values.
func newObject(keysAndValues ...any) *object {
	o := &object{}
	for pair := range slices.Chunk(keysAndValues, 2) {
		o.set(pair[0].(string), pair[1])
	}
	return o
}

// get returns the value of a member, or nil if there is none.
func (o *object) get(key string) any {
	if o != nil {
		for _, m := range o.members {
			if m.key == key {
				return m.value
			}
		}
	}
	return nil
}

// text returns a member that is a string, or "".
func (o *object) text(key string) string {
	s, _ := o.get(key).(string)
	return s
}

// object returns a member that is an object, or nil.
func (o *object) object(key string) *object {
	member, _ := o.get(key).(*object)
	return member
}

// array returns a member that is an array, or nil.
func (o *object) array(key string) []any {
	a, _ := o.get(key).([]any)
	return a
}

// set replaces the value of a member in its place, or appends a new member.
func (o *object) set(key string, value any) {
	for i, m := range o.members {
		if m.key == key {
			o.members[i].value = value
			return
		}
	}
	o.members = append(o.members, member{key, value})
}

// add appends a value to a member that is an array. It makes the array if there is none.
func (o *object) add(key string, value any) { o.set(key, append(o.array(key), value)) }

func (o *object) remove(key string) {
	o.members = slices.DeleteFunc(o.members, func(m member) bool { return m.key == key })
}

// merge sets the members of other. Where both have an object, it merges the two.
func (o *object) merge(other *object) {
	for _, m := range other.members {
		mine, theirs := o.object(m.key), other.object(m.key)
		if mine != nil && theirs != nil {
			mine.merge(theirs)
		} else {
			o.set(m.key, m.value)
		}
	}
}

// MarshalJSON implements json.Marshaler.
func (o *object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o.members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, encode(m.key, "")...), ':')
		b = append(b, encode(m.value, "")...)
	}
	return append(b, '}'), nil
}

func encode(value any, indent string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(value); err != nil {
		panic(err) // An object has no value that cannot be encoded.
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// jqEscapes turns the escapes of encoding/json into those of jq. The first pair skips
// escaped backslashes, so that what follows one is not taken for an escape.
var jqEscapes = strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029", "\x7f", `\u007f`)

// marshal formats a document as jq does, without a newline at the end.
func marshal(o *object) []byte { return []byte(jqEscapes.Replace(string(encode(o, "  ")))) }

// parse parses a document that is one JSON object (RFC 8259). It refuses numbers that
// are not integers, which no OCI document has. The last of duplicate members counts.
func parse(data []byte) (*object, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := parseValue(d)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	o, ok := value.(*object)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("data after the JSON object")
	}
	return o, nil
}

func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if n, ok := token.(json.Number); ok && strings.ContainsAny(n.String(), ".eE") {
		return nil, fmt.Errorf("number %s is not an integer", n)
	}
	if token != json.Delim('{') && token != json.Delim('[') {
		return token, nil
	}
	o, array := &object{}, []any{}
	for d.More() {
		var key any
		if token == json.Delim('{') {
			if key, err = d.Token(); err != nil {
				return nil, err
			}
		}
		value, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		if key != nil {
			o.set(key.(string), value)
		} else {
			array = append(array, value)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if token == json.Delim('{') {
		return o, nil
	}
	return array, nil
}

// readObject parses a file.
func readObject(file string) (*object, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	o, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return o, nil
}
