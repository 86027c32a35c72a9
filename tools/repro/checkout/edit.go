package checkout

import (
	"bytes"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// Replace replaces the only occurrence of a text in a file.
func Replace(dir, name, old, new string) error {
	file := filepath.Join(dir, name)
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := bytes.Count(content, []byte(old)); n != 1 {
		return fmt.Errorf("%s has %q %d times, must have it once", name, old, n)
	}
	return os.WriteFile(file, bytes.Replace(content, []byte(old), []byte(new), 1), 0o666)
}

// Append appends a text to a file.
func Append(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// Reword gives every comment of a Go file other words, on the same line. Directives
// such as //go:embed stay.
func Reword(file string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	f := files.AddFile(file, -1, len(source))
	var s scanner.Scanner
	s.Init(f, source, nil, scanner.ScanComments)
	var out bytes.Buffer
	end := 0
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.COMMENT && strings.HasPrefix(text, "// ") {
			start := f.Offset(pos)
			out.Write(source[end:start])
			out.WriteString("// Other words.")
			end = start + len(text)
		}
	}
	out.Write(source[end:])
	return os.WriteFile(file, out.Bytes(), 0o666)
}

// Glob lists the files of a workspace that match patterns of package filepath; each
// must match one file at least.
func Glob(workspace string, patterns []string) ([]string, error) {
	var all []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(workspace, pattern))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no file of the workspace is %s", pattern)
		}
		for _, path := range found {
			name, err := filepath.Rel(workspace, path)
			if err != nil {
				return nil, err
			}
			all = append(all, name)
		}
	}
	return all, nil
}

// MustDiffer fails when all of the files are in a copy as in the snapshot.
func MustDiffer(snapshot, dir string, files []string) error {
	for _, name := range files {
		before, err := os.ReadFile(filepath.Join(snapshot, name))
		if err != nil {
			return err
		}
		after, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(before, after) {
			return err
		}
	}
	return fmt.Errorf("no change of %s was made", strings.Join(files, ", "))
}

// Restore gives files of a copy the content that they have in the snapshot.
func Restore(snapshot, dir string, files []string) error {
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(snapshot, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			return err
		}
	}
	return nil
}
