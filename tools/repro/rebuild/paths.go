package rebuild

import (
	"path/filepath"

	"example.com/reproducible-images/tools/repro/variation"
)

// paths are the folders of one rebuild. All but the sources behind a shuffled
// workspace are in the workspace or in the output base, as the air-gapped Bazel sees
// no others.
type paths struct {
	// dir has all the others.
	dir string
	// workspace is where Bazel is run.
	workspace string
	// sources are the files of the workspace, elsewhere if it is a mount point, or if
	// reprotest makes a copy.
	sources    string
	outputBase string
}

func newPaths(dir string, s variation.Setting) paths {
	p := paths{
		dir:        dir,
		workspace:  filepath.Join(dir, s.Workspace),
		outputBase: filepath.Join(dir, s.OutputBase),
	}
	p.sources = p.workspace
	if s.ShuffleFiles || s.Reprotest {
		p.sources = filepath.Join(dir, "sources")
	}
	return p
}

func (p paths) failingGo() string { return filepath.Join(p.outputBase, "repro/bin") }
func (p paths) otherGo() string   { return filepath.Join(p.outputBase, "repro/go") }
func (p paths) locales() string   { return filepath.Join(p.outputBase, "repro/locale") }
func (p paths) userRoot() string  { return filepath.Join(p.outputBase, "repro/user_root") }
func (p paths) cache() string     { return filepath.Join(p.dir, "airgap") }
