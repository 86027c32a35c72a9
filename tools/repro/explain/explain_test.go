package explain

import (
	"testing"

	"example.com/reproducible-images/tools/inventory"
	"github.com/google/go-cmp/cmp"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	changes := []inventory.Change{
		{Field: "digest", Follows: true},
		{Where: []string{"linux/amd64", "layer 1", "/hello"}, Field: "digest"},
		{Where: []string{"linux/amd64", "layer 1", "/hello"}, Field: "size"},
		{Where: []string{"linux/arm64", "layer 1", "/hello"}, Field: "digest"},
		{Where: []string{"linux/arm64", "layer 1", "/etc/passwd"}, Field: "mode"},
		{Where: []string{"linux/arm64", "layer 1"}, Field: "size", Follows: true},
	}
	if diff := cmp.Diff([]string{"/hello", "/etc/passwd"}, Files(changes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What is in no file must not be overlooked.
	changes = append(changes, inventory.Change{Where: []string{"linux/amd64"}, Field: "config.Env[0]"})
	if diff := cmp.Diff([]string{"/hello", "/etc/passwd", ""}, Files(changes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
