package browser

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Each check is shown to fail, and each fault is one.
func TestControls(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, c := range controls {
		if c.old != "" && strings.Count(controlPage, c.old) != 1 {
			t.Errorf("%s: %q is not in the page once", c.name, c.old)
		}
		if faulty := c.old != "" || c.policy != "" || c.status != 0; faulty != (len(c.failing) > 0) {
			t.Errorf("%s: %q fail", c.name, c.failing)
		}
		for _, name := range c.failing {
			shown[name] = true
			if !slices.ContainsFunc(checks, func(known check) bool { return known.name == name }) {
				t.Errorf("%s: there is no check %q", c.name, name)
			}
		}
	}
	for _, check := range checks {
		if !shown[check.name] {
			t.Errorf("no fault shows that the check %q can fail", check.name)
		}
	}
}

func TestControlJudge(t *testing.T) {
	t.Parallel()
	fine, bad := Result{layout, true, "fine"}, Result{policy, false, "bad"}
	for _, test := range []struct {
		failing []string
		results []Result
		want    Result
	}{
		{nil, []Result{fine}, Result{"c", true, "nothing was found"}},
		{nil, []Result{fine, bad}, Result{"c", false, "policy holds: bad"}},
		{[]string{policy}, []Result{fine, bad}, Result{"c", true, "policy holds: bad"}},
		{[]string{policy}, []Result{fine}, Result{"c", false, "nothing was found"}},
		{[]string{layout}, []Result{fine, bad}, Result{"c", false, "policy holds: bad"}},
	} {
		if got := (control{name: "c", failing: test.failing}).judge(test.results); got != test.want {
			t.Errorf("%q of %v: %v, want %v", test.failing, test.results, got, test.want)
		}
	}
}

func TestControlServes(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	control{old: "</html>", new: "<script></script>", status: 404}.ServeHTTP(w, nil)
	// The hash of nothing is SHA-256's well-known one.
	policy, want := w.Header().Get("Content-Security-Policy"), "; script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
	if w.Code != 404 || !strings.HasSuffix(w.Body.String(), "<script></script>\n") || !strings.HasSuffix(policy, want) {
		t.Errorf("%d, policy %s", w.Code, policy)
	}
	w = httptest.NewRecorder()
	control{policy: "default-src 'none'"}.ServeHTTP(w, nil)
	if got := w.Header().Get("Content-Security-Policy"); got != "default-src 'none'" || w.Body.String() != controlPage {
		t.Errorf("policy %s, page %s", got, w.Body)
	}
}
