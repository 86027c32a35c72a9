package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/repro/checkout"
	"example.com/reproducible-images/tools/repro/rebuild"
	"github.com/bazelbuild/rules_go/go/runfiles"
	"golang.org/x/sync/errgroup"
)

// prover is one run of the program.
type prover struct {
	options
	runner *rebuild.Runner
	dir    string
	// baseline is what the workspace builds.
	baseline digests.File

	mutex   sync.Mutex // guards what follows
	results []result
	log     io.Writer
	begun   time.Time
}

// prove builds all rows and prints the table; same tells whether everything is as it
// must be.
func prove(ctx context.Context, opts options, stdout, stderr io.Writer) (same bool, err error) {
	if opts.list {
		return true, list(stdout, opts.rows)
	}
	if err := checkHost(opts.rows); err != nil {
		return false, err
	}
	p := &prover{options: opts, log: stderr, begun: time.Now()}
	if p.dir, err = os.MkdirTemp(opts.dir, "repro-"); err != nil {
		return false, fmt.Errorf("making a folder to build in: %w", err)
	}
	// Bazel may run as another user.
	if err := os.Chmod(p.dir, 0o755); err != nil {
		return false, err
	}
	if opts.keep {
		p.say("everything is made in %s and stays there", p.dir)
	} else {
		defer func() { err = errors.Join(err, rebuild.Remove(p.dir)) }()
	}
	if err := p.prepare(ctx); err != nil {
		return false, err
	}
	if err := p.buildRows(ctx); err != nil {
		return false, err
	}
	return printTable(stdout, p.results, time.Since(p.begun))
}

// prepare builds the workspace as it is and takes the snapshot.
func (p *prover) prepare(ctx context.Context) error {
	images, err := rebuild.Query(ctx, p.workspace)
	if err != nil {
		return err
	}
	clock, err := clockProgram(p.getenv("REPRO_CLOCK"))
	if err != nil {
		return err
	}
	p.runner, err = rebuild.NewRunner(rebuild.Config{
		Snapshot:  filepath.Join(p.dir, "snapshot"),
		Baseline:  filepath.Join(p.dir, "baseline"),
		Images:    images,
		Airgapped: p.getenv("AIRGAP") == "1",
		Cache:     airgapCache(p.getenv),
		Clock:     clock,
		Keep:      p.keep,
	})
	if err != nil {
		return err
	}
	start := time.Now()
	p.say("building the workspace as it is, in its own output base")
	files, err := checkout.Files(ctx, p.workspace)
	if err != nil {
		return err
	}
	if err := checkout.Snapshot(p.workspace, files, p.runner.Snapshot); err != nil {
		return err
	}
	if p.baseline, err = p.runner.BuildBaseline(ctx, p.workspace); err != nil {
		return fmt.Errorf("building the workspace: %w", err)
	}
	p.add(result{row: "baseline", images: p.baseline, text: "the workspace as it is", took: time.Since(start), ok: true, verdict: "–"}, "")
	return p.compareRecorded(ctx)
}

// clockProgram finds tools/repro/clock by its runfiles path, or an absolute one.
func clockProgram(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	file, err := runfiles.Rlocation(path)
	if err != nil {
		return "", fmt.Errorf("finding tools/repro/clock, by REPRO_CLOCK=%q: %w", path, err)
	}
	return file, nil
}

// compareRecorded compares the baseline with images/digests.json.
func (p *prover) compareRecorded(ctx context.Context) error {
	const file = "images/digests.json"
	recorded, err := digests.Read(filepath.Join(p.workspace, file))
	if errors.Is(err, fs.ErrNotExist) {
		p.say("there is no %s to compare with", file)
		return nil
	}
	if err != nil {
		return err
	}
	p.judge(ctx, result{row: file, text: "what is recorded for the sources", images: recorded}, nil, "")
	return nil
}

// buildRows builds all rows: first those that have all CPUs, one after another, then
// those on one CPU, as many at a time as there are CPUs.
func (p *prover) buildRows(ctx context.Context) error {
	for _, r := range p.rows {
		if !r.OneCPU {
			if err := p.row(ctx, r); err != nil {
				return err
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.runner.CPUs())
	for _, r := range p.rows {
		if r.OneCPU {
			group.Go(func() error { return p.row(ctx, r) })
		}
	}
	return group.Wait()
}

// row builds one row and the controls that follow it. A row that cannot be built is a
// result as well; an error ends the run.
func (p *prover) row(ctx context.Context, r row) (err error) {
	p.say("%s: %s", r.Name, r.Text)
	start := time.Now()
	session, err := p.runner.Open(ctx, filepath.Join(p.dir, r.Name), r.Setting)
	if err == nil {
		defer func() {
			if cerr := session.Close(); cerr != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", r.Name, cerr))
			}
		}()
		err = p.build(ctx, session, result{row: r.Name, text: r.Text}, nil, start)
	}
	if err != nil {
		return p.failed(ctx, result{row: r.Name, text: r.Text, took: time.Since(start)}, err)
	}
	for _, c := range r.controls {
		start := time.Now()
		if err := p.control(ctx, session, c); err != nil {
			err = p.failed(ctx, result{row: c.name, text: c.text, took: time.Since(start)}, err)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// control changes the sources, builds, and puts the sources back.
func (p *prover) control(ctx context.Context, session *rebuild.Session, c control) (err error) {
	start := time.Now()
	files, err := checkout.Glob(session.Workspace(), c.files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, checkout.Restore(p.runner.Snapshot, session.Workspace(), files)) }()
	if err := c.edit(ctx, session, files); err != nil {
		return err
	}
	if err := checkout.MustDiffer(p.runner.Snapshot, session.Workspace(), files); err != nil {
		return err
	}
	return p.build(ctx, session, result{row: c.name, text: c.text}, c.changes, start)
}

// build builds in a session and judges what comes out.
func (p *prover) build(ctx context.Context, session *rebuild.Session, r result, changes []string, start time.Time) (err error) {
	if r.images, err = session.Build(ctx); err != nil {
		return err
	}
	r.took = time.Since(start)
	p.judge(ctx, r, changes, session.Workspace())
	return nil
}

// failed adds what could not be built to the table; the error is there when that is
// because the user stopped the program.
func (p *prover) failed(ctx context.Context, r result, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.verdict = "FAILED"
	p.add(r, "%v", err)
	return nil
}
