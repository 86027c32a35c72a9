// Package cli holds what the commands of this repository do alike: flags,
// exit codes, sizes and paths.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"golang.org/x/term"
)

// Exit codes of all commands.
const (
	OK     = 0
	Failed = 1
	Usage  = 2
)

// Parse parses flags, for commands that take no other arguments. When ok is
// false the command is to exit with code: OK after -h, whose text went to stdout,
// or Usage after an error, of which stderr has one line.
func Parse(fs *flag.FlagSet, args []string, stdout, stderr io.Writer) (code int, ok bool) {
	_, code, ok = ParseArgs(fs, args, stdout, stderr)
	return code, ok
}

// ParseArgs is Parse for commands that take arguments with these names, all of
// them; flags may stand before, between and after them.
func ParseArgs(fs *flag.FlagSet, args []string, stdout, stderr io.Writer, names ...string) (values []string, code int, ok bool) {
	// The flag package would print the whole usage text after each error.
	fs.SetOutput(io.Discard)
	usage := fs.Usage
	fs.Usage = func() {}
	err := fs.Parse(args)
	for err == nil && fs.NArg() > 0 {
		if len(values) == len(names) {
			err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
			break
		}
		values = append(values, fs.Arg(0))
		err = fs.Parse(fs.Args()[1:])
	}
	if err == nil && len(values) < len(names) {
		err = fmt.Errorf("the argument %s is missing", names[len(values)])
	}
	switch {
	case err == nil:
		return values, OK, true
	case errors.Is(err, flag.ErrHelp):
		fs.SetOutput(stdout)
		usage()
		return nil, OK, false
	default:
		fmt.Fprintf(stderr, "%s: %v (-h shows all flags)\n", fs.Name(), err)
		return nil, Usage, false
	}
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Bytes writes a size for people, in powers of 1000: "812 B", "2.3 MB".
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n)/1000, 0
	for x >= 999.95 && unit < 3 {
		x, unit = x/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", x, "kMGT"[unit])
}

// UserPath resolves a path that the user gave. `bazel run` starts a command
// in its runfiles tree and names the directory where the user stands in
// BUILD_WORKING_DIRECTORY.
func UserPath(getenv func(string) string, path string) string {
	if wd := getenv("BUILD_WORKING_DIRECTORY"); wd != "" && !filepath.IsAbs(path) {
		return filepath.Join(wd, path)
	}
	return path
}

// ImagesFlag defines the flag --images FILE of every command that works on
// images: the list of them, by default the one that Bazel put beside the
// program. The path is there once the flags are parsed.
func ImagesFlag(fs *flag.FlagSet, getenv func(string) string) *string {
	file := imageset.DefaultFile()
	fs.Func("images", "", func(path string) error {
		if path != "" {
			file = UserPath(getenv, path)
		}
		return nil
	})
	return &file
}

// DefaultTimeout is that of TimeoutFlag.
const DefaultTimeout = 10 * time.Minute

// ErrTimeout is the cause of a context that ended by TimeoutFlag.
var ErrTimeout = errors.New("it took longer than --timeout allows")

// TimeoutFlag defines the flag --timeout DURATION of commands that read images
// from elsewhere. The value is there once the flags are parsed.
func TimeoutFlag(fs *flag.FlagSet) *time.Duration {
	timeout := DefaultTimeout
	fs.Func("timeout", "", func(s string) (err error) {
		if timeout, err = time.ParseDuration(s); err != nil || timeout <= 0 {
			return errors.New("it must be a duration, such as 90s or 10m")
		}
		return nil
	})
	return &timeout
}
