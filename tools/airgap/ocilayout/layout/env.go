package layout

import (
	"regexp"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/airgap/ocilayout/jsondoc"
)

type variable struct{ name, value string }

// reference matches $NAME and ${NAME}, and as rules_oci does either brace alone.
var reference = regexp.MustCompile(`\$\{?([a-zA-Z0-9_]+)\}?`)

// environment returns the Env of a configuration whose settings are given (nil for
// none), changed by the lines of s.
func environment(settings *jsondoc.Object, s string) []jsondoc.Value {
	var env []variable
	if settings != nil {
		for _, e := range settings.Array("Env") {
			text, _ := e.(string)
			env = append(env, parseVariable(text))
		}
	}
	if s != "" {
		for l := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
			v := parseVariable(l)
			// A shell takes the result, and with that newlines at its end.
			v.value = strings.TrimRight(expand(v.value, env), "\n")
			i := slices.IndexFunc(env, func(o variable) bool { return o.name == v.name })
			if i < 0 {
				env = append(env, v)
			} else {
				env[i] = v
			}
		}
	}
	array := make([]jsondoc.Value, len(env))
	for i, v := range env {
		array[i] = v.name + "=" + v.value
	}
	return array
}

func parseVariable(s string) variable {
	name, value, _ := strings.Cut(s, "=")
	return variable{name, value}
}

// expand puts values for references. A name that is set more than once, as a base may
// have it, gives all values one after the other.
func expand(s string, env []variable) string {
	return reference.ReplaceAllStringFunc(s, func(match string) string {
		name := reference.FindStringSubmatch(match)[1]
		var b strings.Builder
		for _, v := range env {
			if v.name == name {
				b.WriteString(v.value)
			}
		}
		return b.String()
	})
}
