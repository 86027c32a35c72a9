package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/reproducible-images/tools/internal/cli"
	"example.com/reproducible-images/tools/inventory"
	"golang.org/x/vuln/scan"
)

const (
	defaultDB = "https://vuln.go.dev"
	// wholeDB is all of it (https://go.dev/doc/security/vuln/database, "Bulk download").
	wholeDB = defaultDB + "/vulndb.zip"
	// stdlib is the module that advisories about the standard library name.
	stdlib = "stdlib"
)

// databaseURL is the URL of a database that the user named by URL or folder.
func databaseURL(getenv func(string) string, s string) (string, error) {
	if scheme, _, ok := strings.Cut(s, "://"); ok {
		if !slices.Contains([]string{"http", "https", "file"}, scheme) {
			return "", errors.New("it must be an http, https or file URL, or a folder")
		}
		return s, nil
	}
	dir := cli.UserPath(getenv, s)
	if info, err := os.Stat(dir); err != nil {
		return "", err
	} else if !info.IsDir() {
		return "", fmt.Errorf("%s is no folder", dir)
	}
	return (&url.URL{Scheme: "file", Path: dir}).String(), nil
}

// findings are what the database says of a binary.
type findings struct {
	// modified is when the database was changed last.
	modified time.Time
	// considered is how many advisories there are for the standard library and the
	// binary's modules, whatever their version.
	considered int
	// affecting are those about functions that are in the binary, sorted by ID.
	affecting []advisory
	// others are the IDs of those about its modules' versions, but not about functions
	// that are in it, sorted.
	others []string
}

// advisory is one entry of the database that affects a binary.
type advisory struct {
	id, summary string
	module      module
	// fixed is the first version without it; empty if there is none.
	fixed string
	// packages are those of the functions that are in the binary, sorted.
	packages []string
}

// message is what `govulncheck -json` writes, as far as it is needed here.
type message struct {
	Config *struct {
		Modified *time.Time `json:"db_last_modified"`
	}
	OSV *struct {
		ID       string
		Summary  string
		Affected []struct {
			Package struct{ Name string }
		}
	}
	Finding *struct {
		OSV   string
		Fixed string `json:"fixed_version"`
		// Trace has one frame in binary mode; its function is empty where only the
		// module or the package was found.
		Trace []struct{ Module, Version, Package, Function string }
	}
}

// look asks govulncheck about a binary.
func look(ctx context.Context, db string, b program) (findings, error) {
	out, err := govulncheck(ctx, db, b)
	if err != nil {
		return findings{}, err
	}
	return parse(out)
}

func govulncheck(ctx context.Context, db string, b program) (io.Reader, error) {
	file, err := os.CreateTemp("", "vulncheck-*.json")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	enc := json.NewEncoder(file)
	err = errors.Join(
		enc.Encode(map[string]string{"name": "govulncheck-extract", "version": "0.1.0"}),
		enc.Encode(b),
		file.Close())
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := scan.Command(ctx, "-mode", "binary", "-json", "-db", db, file.Name())
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// Some of its requests do not end with the context.
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err = <-done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, strings.TrimSuffix(": "+strings.TrimSpace(stderr.String()), ": "))
	}
	return &stdout, nil
}

func parse(out io.Reader) (findings, error) {
	var f findings
	summaries := map[string]string{}
	affecting := map[string]advisory{}
	found := map[string]bool{}
	whole := false
	for dec := json.NewDecoder(out); ; {
		var m message
		if err := dec.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			return f, fmt.Errorf("reading what govulncheck wrote: %w", err)
		}
		switch {
		case m.Config != nil && m.Config.Modified != nil:
			f.modified = *m.Config.Modified
		case m.OSV != nil:
			summaries[m.OSV.ID] = m.OSV.Summary
			for _, a := range m.OSV.Affected {
				whole = whole || a.Package.Name == stdlib
			}
		case m.Finding != nil && len(m.Finding.Trace) > 0:
			id, frame := m.Finding.OSV, m.Finding.Trace[0]
			found[id] = true
			if frame.Function == "" {
				continue
			}
			a := affecting[id]
			a.id, a.fixed, a.module = id, m.Finding.Fixed, module{frame.Module, frame.Version}
			if !slices.Contains(a.packages, frame.Package) {
				a.packages = append(a.packages, frame.Package)
			}
			affecting[id] = a
		}
	}
	// What lacks either is no database, and says nothing by not having an advisory.
	if f.modified.IsZero() {
		return f, errors.New("it does not say in index/db.json when it was changed last")
	}
	if !whole {
		return f, errors.New("it has no advisory for the standard library: it is not whole")
	}
	f.considered = len(summaries)
	for id := range found {
		a, ok := affecting[id]
		if !ok {
			f.others = append(f.others, id)
			continue
		}
		a.summary = inventory.Printable(summaries[id])
		slices.Sort(a.packages)
		f.affecting = append(f.affecting, a)
	}
	slices.Sort(f.others)
	slices.SortFunc(f.affecting, func(a, b advisory) int { return strings.Compare(a.id, b.id) })
	return f, nil
}
