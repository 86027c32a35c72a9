// Package rootfs unpacks the root filesystem of an image into a directory.
package rootfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Unpack writes the entries of a tar archive below dir, which must exist.
// Files, directories, symbolic and hard links are what it knows; the archive
// is refused with an error that names the entry if it holds anything else, or
// a name or hard link that leads out of dir, itself or by a symbolic link.
//
// Permissions are as in the archive, whatever the umask, but for the set-user,
// set-group and sticky bits, which are dropped. Entries belong to whom the
// archive says; only root can unpack those of somebody else. Directories that
// the archive lacks have mode 0755. Times are not kept.
func Unpack(archive io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Chmod(".", 0o755); err != nil {
		return err
	}
	reader := tar.NewReader(archive)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if err := unpackEntry(root, header, reader); err != nil {
			return fmt.Errorf("unpacking %q: %w", header.Name, err)
		}
	}
}

func unpackEntry(root *os.Root, header *tar.Header, content io.Reader) error {
	name, err := localName(header.Name)
	if err != nil {
		return err
	}
	if err := makeParents(root, name); err != nil {
		return err
	}
	mode := fs.FileMode(header.Mode).Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		err = root.Mkdir(name, mode)
		if info, statErr := root.Lstat(name); errors.Is(err, fs.ErrExist) && statErr == nil && info.IsDir() {
			err = nil
		}
	case tar.TypeReg:
		err = writeFile(root, name, content)
	case tar.TypeSymlink:
		// Where it leads does not matter: os.Root never follows it out.
		if err := root.Symlink(header.Linkname, name); err != nil {
			return err
		}
		return chown(root, name, header)
	case tar.TypeLink:
		target, err := localName(header.Linkname)
		if err != nil {
			return err
		}
		return root.Link(target, name)
	default:
		return fmt.Errorf("entries of type %q are not supported", header.Typeflag)
	}
	if err != nil {
		return err
	}
	if err := chown(root, name, header); err != nil {
		return err
	}
	return root.Chmod(name, mode)
}

// localName is the name of an entry relative to the root directory. That a
// leading slash means this directory is tar's convention.
func localName(name string) (string, error) {
	local := path.Clean(strings.TrimLeft(name, "/"))
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("%q leads out of the image", name)
	}
	return local, nil
}

// makeParents makes the directories above an entry which came without them, or
// before them.
func makeParents(root *os.Root, name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		switch err := root.Mkdir(name[:i], 0o755); {
		case errors.Is(err, fs.ErrExist):
		case err != nil:
			return err
		default:
			// The umask may have taken something away.
			if err := root.Chmod(name[:i], 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeFile(root *os.Root, name string, content io.Reader) (err error) {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.Copy(file, content)
	return err
}

// chown leaves alone what is right already, as it is for all of an image whose
// files are root's when root unpacks it.
func chown(root *os.Root, name string, header *tar.Header) error {
	if header.Uid == os.Geteuid() && header.Gid == os.Getegid() {
		return nil
	}
	return root.Lchown(name, header.Uid, header.Gid)
}
