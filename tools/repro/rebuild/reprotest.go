package rebuild

import (
	"os/exec"
	"strings"
)

// Of reprotest's variations: not time, as faketime does not reach Go's compiler and
// linker; not user_group and domain_host, which want sudo. Other rows have these.
const reprotestVariations = "-all,+environment,+build_path,+kernel,+aslr,+num_cpus,+fileordering,+home,+locales,+exec_path,+timezone,+umask"

// artifacts is the folder, in a copy of the workspace, that reprotest compares.
const artifacts = "repro_images"

// underReprotest has reprotest, Debian's tool for this, make its experiment with a
// build: a copy of the sources, under variations of which some are random. It compares
// the images with the baseline by itself, and leaves them in the folder s.workspace
// too, with what the probe says.
func (s *Session) underReprotest(build *exec.Cmd) *exec.Cmd {
	var images []string
	for _, label := range s.runner.Images {
		layout := Layout(".", label)
		images = append(images, layout, layout+".digest")
	}
	build.Args[0] = "tools/bazel" // in reprotest's copy
	script := strings.Join([]string{
		words(build.Args),
		"mkdir " + artifacts,
		"cp -RL --parents " + words(images) + " " + artifacts,
		"cp -R " + artifacts + "/. " + words([]string{s.workspace}),
		"cp -L --parents bazel-bin/" + probePackage + "/probe.txt " + words([]string{s.workspace}),
	}, " && ")
	cmd := exec.Command("reprotest", "--verbosity=1", "--no-diffoscope", "--variations="+reprotestVariations,
		"--control-build="+s.runner.Baseline, "--build-command="+script, s.sources, artifacts)
	// It works below TMPDIR; /tmp would be hidden by Bazel's sandbox.
	cmd.Env = append(build.Env, "TMPDIR="+s.dir)
	cmd.Dir = s.dir
	return cmd
}

// words are arguments for the shell.
func words(args []string) string {
	var quoted []string
	for _, arg := range args {
		quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
	}
	return strings.Join(quoted, " ")
}
