package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"example.com/reproducible-images/tools/image/listing"
	"example.com/reproducible-images/tools/image/publish"
	"example.com/reproducible-images/tools/image/registry"
	fakeregistry "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

var demoCommand = command{
	usage: `Shows the way of the first image: it is pushed to a registry on this machine, pulled and
compared, and run, in docker or podman or else in a chroot (as root). Open it in a
browser; Ctrl-C ends it.

  bazel run //images:demo -- [flags]

Flags:
`,
	run: func(flags *flag.FlagSet) func(context.Context, *environment) error {
		selection := newImagesFlags(flags)
		exit := flags.Bool("exit", false, "end after the checks")
		return func(ctx context.Context, e *environment) error {
			images, err := selection.load(e)
			if err != nil {
				return err
			}
			d := &demo{environment: e, image: images.Images[0], exit: *exit}
			return d.run(ctx)
		}
	},
}

type demo struct {
	*environment
	image *builtImage
	exit  bool
	steps [][3]string
}

func (d *demo) run(ctx context.Context) error {
	directory, err := os.MkdirTemp("", "demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	target, stop, err := serveRegistry(filepath.Join(directory, "blobs"))
	if err != nil {
		return fmt.Errorf("starting a registry: %w", err)
	}
	defer stop()
	d.logf("demo: a registry is on %s", target)

	client := &registry.Client{}
	err = d.step("push", func() (string, error) {
		published, err := push(ctx, d.environment, client, target, []*builtImage{d.image}, nil, publish.Options{})
		if err != nil {
			return "", err
		}
		return d.image.Repository + ":" + strings.Join(published[0].Tags, ", "), nil
	})
	if err != nil {
		return err
	}
	err = d.step("verify", func() (string, error) {
		tags := []string{d.image.Version}
		if err := verifyAll(ctx, d.environment, client, target, []*builtImage{d.image}, tags, "", nil); err != nil {
			return "", err
		}
		return "every byte in the registry is what was built", nil
	})
	if err != nil {
		return err
	}
	return d.start(ctx, filepath.Join(directory, "root"))
}

// step runs a step and records its time and result for the table.
func (d *demo) step(name string, f func() (string, error)) error {
	begin := time.Now()
	result, err := f()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d.steps = append(d.steps, [3]string{name, fmt.Sprintf("%.2f s", time.Since(begin).Seconds()), result})
	return nil
}

// start runs the image until the user ends it: in the first of docker, podman and a
// chroot that works here.
func (d *demo) start(ctx context.Context, root string) error {
	platform, err := v1.ParsePlatform(hostPlatform())
	if err != nil {
		return err
	}
	image, err := d.image.forPlatform(platform)
	if err != nil {
		return err
	}
	ports, err := freePorts(image)
	if err != nil {
		return err
	}
	for _, way := range []string{"docker", "podman", "chroot"} {
		var running *service
		err = d.step("run", func() (string, error) {
			command, err := d.prepare(ctx, way, image, root)
			if err != nil {
				return "", err
			}
			if running, err = d.launch(command); err != nil {
				return "", err
			}
			answer, err := waitForAnswer(ctx, ports, running.ended)
			if err != nil {
				running.stop()
			}
			return answer + ", in " + way, err
		})
		if err == nil {
			return d.serve(ctx, running, ports)
		}
		if ctx.Err() != nil {
			return err
		}
		d.logf("demo: %s does not work here: %v", way, err)
	}
	return errors.New("the image was not run: neither docker nor podman works, and a chroot needs root")
}

// serve prints the table and waits for the user.
func (d *demo) serve(ctx context.Context, running *service, ports []string) error {
	defer running.stop()
	if err := d.table(); err != nil || d.exit {
		return err
	}
	if len(ports) > 0 {
		fmt.Fprintf(d.stdout, "\nOpen http://localhost:%s/ in a browser. Ctrl-C ends it.\n", ports[0])
	}
	select {
	case <-ctx.Done():
		return nil
	case <-running.ended:
		return fmt.Errorf("the image ended by itself: %v", running.err)
	}
}

// service is a running image.
type service struct {
	process *os.Process
	ended   chan struct{} // closed when it has ended, with err
	err     error
}

func (d *demo) launch(command *exec.Cmd) (*service, error) {
	command.Stdout, command.Stderr = d.stderr, d.stderr
	// Ctrl-C is for the demo, which ends the service in order.
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &service{process: command.Process, ended: make(chan struct{})}
	go func() {
		s.err = command.Wait()
		close(s.ended)
	}()
	return s, nil
}

func (s *service) stop() {
	_ = s.process.Signal(syscall.SIGTERM)
	<-s.ended
}

// prepare makes the command that runs the image.
func (d *demo) prepare(ctx context.Context, way string, image v1.Image, root string) (*exec.Cmd, error) {
	if way == "chroot" {
		if err := extract(ctx, image, root); err != nil {
			return nil, fmt.Errorf("extracting the image: %w", err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			return nil, err
		}
		return chroot(root, config.Config)
	}
	if _, err := findEngine(ctx, way); err != nil {
		return nil, err
	}
	if err := load(ctx, way, image, d.image, d.stderr); err != nil {
		return nil, err
	}
	line, err := runLine(way, image, d.image.Repository+":"+d.image.Version)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(line)
	return exec.Command(words[0], words[1:]...), nil
}

// freePorts are the TCP ports that the image exposes. It is an error if one is in use.
func freePorts(image v1.Image) ([]string, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	var ports []string
	for _, port := range slices.Sorted(maps.Keys(config.Config.ExposedPorts)) {
		number, protocol, _ := strings.Cut(port, "/")
		if protocol != "" && protocol != "tcp" {
			continue
		}
		if err := checkFree(number); err != nil {
			return nil, err
		}
		ports = append(ports, number)
	}
	return ports, nil
}

func checkFree(port string) error {
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return fmt.Errorf("port %s is not free: %w; end what listens on it", port, err)
	}
	return listener.Close()
}

// chroot is the command that runs an image in a directory, by the user's numbers.
func chroot(root string, config v1.Config) (*exec.Cmd, error) {
	uid, gid, _ := strings.Cut(config.User, ":")
	u, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the image's user %q is not UID:GID", config.User)
	}
	g, err := strconv.ParseUint(gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the image's user %q is not UID:GID", config.User)
	}
	words := slices.Concat(config.Entrypoint, config.Cmd)
	if len(words) == 0 {
		return nil, errors.New("the image has no entrypoint")
	}
	return &exec.Cmd{
		Path: words[0],
		Args: words,
		Env:  config.Env,
		Dir:  config.WorkingDir,
		SysProcAttr: &syscall.SysProcAttr{
			Chroot:     root,
			Credential: &syscall.Credential{Uid: uint32(u), Gid: uint32(g)},
		},
	}, nil
}

// extract writes the files of an image below a directory, which it makes.
func extract(ctx context.Context, image v1.Image, directory string) error {
	if err := os.Mkdir(directory, 0o755); err != nil {
		return err
	}
	content := mutate.Extract(image)
	defer content.Close()
	command := exec.CommandContext(ctx, "tar", "--extract", "--preserve-permissions", "--directory", directory)
	command.Stdin = content
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w", engineError(err, output))
	}
	// The user of the image has to search the directory, also under another umask.
	return os.Chmod(directory, 0o755)
}

// waitForAnswer waits until the service answers by HTTP on its first port.
func waitForAnswer(ctx context.Context, ports []string, ended chan struct{}) (string, error) {
	if len(ports) == 0 {
		return "started; it exposes no port", nil
	}
	url := "http://localhost:" + ports[0] + "/"
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			return url + " answers " + response.Status, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-ended:
			return "", errors.New("the image ended before it answered")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return "", fmt.Errorf("%s did not answer within 30 s", url)
}

// serveRegistry serves a registry on loopback, with its blobs in a directory.
func serveRegistry(directory string) (registry.Target, func(), error) {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return registry.Target{}, nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return registry.Target{}, nil, err
	}
	server := &http.Server{
		Handler: fakeregistry.New(
			fakeregistry.Logger(log.New(io.Discard, "", 0)),
			fakeregistry.WithBlobHandler(fakeregistry.NewDiskBlobHandler(directory)),
			fakeregistry.WithReferrersSupport(true)),
		ReadHeaderTimeout: time.Minute,
	}
	go func() { _ = server.Serve(listener) }()
	target, err := registry.ParseTarget(listener.Addr().String())
	return target, func() { _ = server.Close() }, err
}

// table prints what the image is and how the steps went.
func (d *demo) table() error {
	built, err := d.image.listing(context.Background())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(d.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nPLATFORM\tCOMPRESSED\tUNPACKED\tDIGEST\n")
	fmt.Fprintf(w, "index\t-\t-\t%s\n", d.image.digest)
	for _, platform := range built.Platforms() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", platform,
			sizeText(built, platform+" compressed size"), sizeText(built, platform+" unpacked size"), built.Value(platform+" digest"))
		if sbom, ok := d.image.sboms[platform]; ok {
			fmt.Fprintf(w, "  its SBOM\t-\t%s\t%s\n", bytesText(int64(len(sbom))), built.Value(platform+listing.SBOMField))
		}
	}
	fmt.Fprintf(w, "\nSTEP\tTIME\tRESULT\n")
	for _, step := range d.steps {
		fmt.Fprintf(w, "%s\t%s\t%s\n", step[0], step[1], step[2])
	}
	return w.Flush()
}

func sizeText(l listing.Listing, key string) string {
	n, err := strconv.ParseInt(l.Value(key), 10, 64)
	if err != nil {
		return "-"
	}
	return bytesText(n)
}
