// Command image is the program behind every `bazel run //images:…` and behind the
// tests of images. Started under the name of a command, such as push, it is that
// command; otherwise its first argument names the command.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/reproducible-images/tools/image/registry"
)

// command is one subcommand.
type command struct {
	// usage is the text of -h without the flags.
	usage string
	// arguments are the names of its positional arguments.
	arguments []string
	// run defines the command's flags and returns what runs after they are parsed.
	run func(*flag.FlagSet) func(context.Context, *environment) error
}

var commands = map[string]command{
	"push":           pushCommand,
	"verify":         verifyCommand,
	"diff":           diffCommand,
	"load":           loadCommand,
	"trusted":        trustedCommand,
	"demo":           demoCommand,
	"update_digests": updateDigestsCommand,
	"digests_test":   digestsTestCommand,
	"structure_test": structureTestCommand,
}

// environment is what a command works with.
type environment struct {
	name      string // of the command
	program   string // its path, beside which Bazel puts its files
	arguments []string
	directory string // where the user stands
	workspace string // the root of the sources under `bazel run`, or ""
	stdout    io.Writer
	stderr    io.Writer
}

// path resolves a path that the user gave.
func (e *environment) path(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(e.directory, path)
}

func (e *environment) logf(format string, args ...any) {
	fmt.Fprintf(e.stderr, format+"\n", args...)
}

// exitError is an error with an exit status.
type exitError struct {
	status int
	error
}

func (e exitError) Unwrap() error { return e.error }

const (
	statusFailed = 1
	statusUsage  = 2
)

// usageError is an error of the command line.
func usageError(format string, args ...any) error {
	return exitError{statusUsage, fmt.Errorf(format, args...)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// run runs the command that the arguments name and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	name := filepath.Base(args[0])
	args, program := args[1:], args[0]
	if _, ok := commands[name]; !ok {
		if len(args) == 0 || commands[args[0]].run == nil {
			fmt.Fprintf(stderr, "usage: image COMMAND [FLAGS]\ncommands: %s\n", strings.Join(slices.Sorted(maps.Keys(commands)), ", "))
			return statusUsage
		}
		name, args = args[0], args[1:]
	}
	e := &environment{name: name, program: program, workspace: os.Getenv("BUILD_WORKSPACE_DIRECTORY"), stdout: stdout, stderr: stderr}
	err := runCommand(ctx, e, commands[name], args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	e.logf("%s: %v", name, err)
	var status exitError
	if errors.As(err, &status) {
		return status.status
	}
	return statusFailed
}

func runCommand(ctx context.Context, e *environment, c command, args []string) (err error) {
	// `bazel run` starts programs elsewhere, and says where the user stands.
	if e.directory = os.Getenv("BUILD_WORKING_DIRECTORY"); e.directory == "" {
		if e.directory, err = os.Getwd(); err != nil {
			return err
		}
	}
	if err := registry.MakePathsAbsolute(e.directory); err != nil {
		return exitError{statusUsage, err}
	}
	flags := flag.NewFlagSet(e.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	start := c.run(flags)
	e.arguments, err = parse(flags, args, c.arguments)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(e.stdout, c.usage)
		flags.SetOutput(e.stdout)
		flags.PrintDefaults()
		return err
	}
	if err != nil {
		return exitError{statusUsage, fmt.Errorf("%w (-h shows all flags)", err)}
	}
	return start(ctx, e)
}

// parse parses flags and positional arguments, in any order.
func parse(flags *flag.FlagSet, args, names []string) ([]string, error) {
	var values []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		values = append(values, flags.Arg(0))
		args = flags.Args()[1:]
	}
	if len(values) > len(names) {
		return nil, fmt.Errorf("unexpected argument %q", values[len(names)])
	}
	if len(values) < len(names) {
		return nil, fmt.Errorf("the argument %s is missing", names[len(values)])
	}
	return values, nil
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

func listFlag(flags *flag.FlagSet, name, usage string) *list {
	values := &list{}
	flags.Var(values, name, usage+"; may be repeated")
	return values
}

// tagsFlag is a list of tags.
func tagsFlag(flags *flag.FlagSet, name, usage string) *list {
	values := &list{}
	flags.Func(name, usage+"; may be repeated", func(tag string) error {
		if err := registry.CheckTag(tag); err != nil {
			return err
		}
		return values.Set(tag)
	})
	return values
}

// timeoutFlag bounds how long images are read from elsewhere.
func timeoutFlag(flags *flag.FlagSet) *time.Duration {
	return flags.Duration("timeout", 10*time.Minute, "give up after this `duration`")
}

// insecureFlag lets a client use registries without TLS.
func insecureFlag(flags *flag.FlagSet, client *registry.Client) {
	flags.BoolVar(&client.Insecure, "insecure", false, "allow plain HTTP to another machine (to this machine it is always allowed)")
}

// isTerminal reports whether progress can be drawn.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// bytesText writes a size for people, in powers of 1000: "812 B", "2.3 MB".
func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n)/1000, 0
	for x >= 999.95 && unit < 3 {
		x, unit = x/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", x, "kMGT"[unit])
}
