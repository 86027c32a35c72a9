package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/inventory"
)

// result is what came out for one binary.
type result struct {
	subject  string
	db       string
	binary   program
	findings findings
	// err is why it could not be checked, and fatal whether no other binary can be.
	err   error
	fatal bool
}

func check(ctx context.Context, db string, goMod *goModFile, p imageset.Platform, e executable) result {
	r := result{db: db}
	if r.binary, r.err = readBinary(e.content, p, goMod); r.err != nil {
		return r
	}
	if r.findings, r.err = look(ctx, db, r.binary); r.err != nil {
		r.fatal = true
		r.err = fmt.Errorf("asking the vulnerability database %s: %w; name another with --db URL or --db DIR, such as %s unpacked into a folder", db, r.err, wholeDB)
	}
	return r
}

func (r result) code() int {
	switch {
	case r.err != nil:
		return unchecked
	case len(r.findings.affecting) > 0:
		return vulnerable
	}
	return clean
}

func (r result) print(stdout, stderr io.Writer) {
	subject := inventory.Printable(r.subject)
	if r.err != nil {
		fmt.Fprintf(stderr, "vulncheck: %s: not checked: %v\n", subject, r.err)
		return
	}
	verdict := "no known vulnerability"
	if r.code() == vulnerable {
		verdict = "VULNERABLE"
	}
	fmt.Fprintf(stdout, "%s: %s (%s, %s; %d advisories considered, of %s at %s)\n", subject, verdict,
		r.binary.GoVersion, r.binary.moduleList(), r.findings.considered, r.db, r.findings.modified.UTC().Format(time.DateOnly))
	for _, a := range r.findings.affecting {
		fmt.Fprintf(stdout, "  %s, %s %s in %s: %s\n    %s; https://pkg.go.dev/vuln/%s\n", a.id,
			a.module.Path, a.module.Version, strings.Join(a.packages, ", "), a.summary, a.mend(), a.id)
	}
	if n := len(r.findings.others); n > 0 {
		fmt.Fprintf(stdout, "  %d more about other functions than are in it: %s\n", n, strings.Join(r.findings.others, ", "))
	}
}

func (b program) moduleList() string {
	if len(b.Modules) == 0 {
		return "no module but the standard library"
	}
	var out []string
	for _, m := range b.Modules {
		out = append(out, m.Path+" "+m.Version)
	}
	return strings.Join(out, ", ")
}

// mend says what to do about an advisory.
func (a advisory) mend() string {
	switch {
	case a.fixed == "":
		return "no version is without it"
	case a.module.Path == stdlib:
		// The database has releases of Go as semantic versions: v1.27.0-rc.2.
		release := strings.NewReplacer("v", "go", ".0-rc.", "rc", ".0-beta.", "beta").Replace(a.fixed)
		return fmt.Sprintf("fixed in %s: `go get toolchain@%s` and build again", release, release)
	}
	return fmt.Sprintf("fixed in %s: `go get %s@%s` and build again", a.fixed, a.module.Path, a.fixed)
}
