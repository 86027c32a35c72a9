package launch

import (
	"strings"
	"testing"
)

func TestParseUser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		user string
		want User
		err  string
	}{
		{user: "65534:65534", want: User{65534, 65534}},
		{user: "1000:100", want: User{1000, 100}},
		{user: "2147483647:1", want: User{2147483647, 1}},
		{user: "", err: "runs as root"},
		{user: "0:0", err: `"0:0" is root`},
		{user: "0:65534", err: "is root"},
		{user: "65534:0", err: "root's group"},
		{user: "65534", err: "not UID:GID in numbers"},
		{user: "65534:", err: "not UID:GID in numbers"},
		{user: ":65534", err: "not UID:GID in numbers"},
		{user: "nobody", err: `"nobody" is not UID:GID in numbers`},
		{user: "nobody:nogroup", err: "not UID:GID in numbers"},
		{user: "65534:nogroup", err: "not UID:GID in numbers"},
		{user: "1:2:3", err: "not UID:GID in numbers"},
		{user: "-1:1", err: "not UID:GID in numbers"},
		{user: "+1:1", err: "not UID:GID in numbers"},
		// -1 means "leave it as it is" to setresuid(2).
		{user: "4294967295:1", err: "not UID:GID in numbers"},
		{user: "4294967296:1", err: "not UID:GID in numbers"},
	} {
		got, err := ParseUser(test.user)
		if test.err == "" {
			if err != nil || got != test.want || got.String() != test.user {
				t.Errorf("ParseUser(%q) = %v, %v, want %v", test.user, got, err, test.want)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("ParseUser(%q) = %v, %v, want an error with %q", test.user, got, err, test.err)
		}
	}
}

// FuzzParseUser checks that whatever is taken is a plain user.
func FuzzParseUser(f *testing.F) {
	f.Add("65534:65534")
	f.Add("0:0")
	f.Add("00:-1")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseUser(s)
		if err == nil && (u.UID == 0 || u.GID == 0 || u.UID > 1<<31-1 || u.GID > 1<<31-1) {
			t.Errorf("ParseUser(%q) = %v", s, u)
		}
	})
}
