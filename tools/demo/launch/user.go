package launch

import (
	"fmt"
	"strconv"
	"strings"
)

// User is who a process runs as.
type User struct{ UID, GID uint32 }

// ParseUser reads the user of an image configuration (OCI image specification,
// section "Image Configuration", config.User). Of the forms the specification
// allows it takes UID:GID in numbers only, since Kubernetes' runAsNonRoot
// refuses names, and only those that are not root.
func ParseUser(s string) (User, error) {
	u, g, _ := strings.Cut(s, ":")
	uid, uidErr := strconv.ParseUint(u, 10, 31)
	gid, gidErr := strconv.ParseUint(g, 10, 31)
	switch {
	case s == "":
		return User{}, fmt.Errorf("the image names no user and so runs as root: give it one, such as 65534:65534")
	case uidErr != nil || gidErr != nil:
		return User{}, fmt.Errorf("the image's user %q is not UID:GID in numbers, such as 65534:65534", s)
	case uid == 0 || gid == 0:
		return User{}, fmt.Errorf("the image's user %q is root or in root's group: give it another, such as 65534:65534", s)
	}
	return User{uint32(uid), uint32(gid)}, nil
}

// String is the user in the form that ParseUser reads.
func (u User) String() string { return fmt.Sprintf("%d:%d", u.UID, u.GID) }
