package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxJSONChanges bounds what is listed of one document: paths of crafted
	// ones can be long, and many.
	maxJSONChanges = 1000
	// maxJSONDepth is how deep documents are compared field by field; what is
	// below is compared as one value.
	maxJSONDepth = 32
	// maxKey is how much of a key is shown, in bytes.
	maxKey = 100
)

// diffJSON lists the fields in which two JSON documents differ, by paths such
// as history[1].created; empty when they mean the same. A document that is no
// JSON is one value.
func diffJSON(a, b []byte) []Change {
	x, errA := decodeJSON(a)
	y, errB := decodeJSON(b)
	if errA != nil || errB != nil {
		if bytes.Equal(a, b) {
			return nil
		}
		return []Change{{Field: "text", Old: string(a), New: string(b), Note: "not JSON"}}
	}
	var d jsonDiff
	d.compare("", 0, x, y)
	if d.more > 0 {
		d.changes = append(d.changes, Change{Field: "…", Note: fmt.Sprintf("%d more fields differ", d.more)})
	}
	return d.changes
}

func decodeJSON(raw []byte) (any, error) {
	// Decoder alone would take the first of several documents.
	if !json.Valid(raw) {
		return nil, fmt.Errorf("not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

type jsonDiff struct {
	changes []Change
	more    int
}

// absent is the value of a field that is not there; null is one that is.
type absent struct{}

func (d *jsonDiff) compare(path string, depth int, a, b any) {
	if depth < maxJSONDepth {
		switch x := a.(type) {
		case map[string]any:
			if y, ok := b.(map[string]any); ok {
				d.objects(path, depth, x, y)
				return
			}
		case []any:
			if y, ok := b.([]any); ok {
				d.arrays(path, depth, x, y)
				return
			}
		}
	}
	if reflect.DeepEqual(a, b) {
		return
	}
	if len(d.changes) == maxJSONChanges {
		d.more++
		return
	}
	if path == "" {
		path = "document"
	}
	d.changes = append(d.changes, Change{Field: strings.TrimPrefix(path, "."), Old: jsonText(a), New: jsonText(b)})
}

func (d *jsonDiff) objects(path string, depth int, a, b map[string]any) {
	keys := slices.Collect(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	value := func(m map[string]any, k string) any {
		if v, ok := m[k]; ok {
			return v
		}
		return absent{}
	}
	for _, k := range keys {
		d.compare(path+key(k), depth+1, value(a, k), value(b, k))
	}
}

func (d *jsonDiff) arrays(path string, depth int, a, b []any) {
	for _, p := range align(a, b, func(x, y any) bool { return reflect.DeepEqual(x, y) }) {
		var x, y any = absent{}, absent{}
		if p.a >= 0 {
			x = a[p.a]
		}
		if p.b >= 0 {
			y = b[p.b]
		}
		d.compare(fmt.Sprintf("%s[%d]", path, max(p.a, p.b)), depth+1, x, y)
	}
}

var plainKeyRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// key is a key as part of a path: .key, or ["a key"].
func key(k string) string {
	if len(k) > maxKey {
		k = k[:maxKey] + "…"
	}
	if plainKeyRE.MatchString(k) {
		return "." + k
	}
	return "[" + strconv.Quote(k) + "]"
}

func jsonText(v any) string {
	if v == (absent{}) {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// What was decoded from JSON can be encoded.
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
