package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/docker/docker-credential-helpers/client"
	helpers "github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/github"
)

// Credentials finds a login in docker's and podman's files. go-containerregistry's own
// keychain reads only one of the files, and takes a login for another path of the same
// registry; the library of skopeo and podman has hundreds of dependencies.
//
// The most specific login wins: HOST/team/hello, HOST/team, HOST
// (containers-auth.json(5)). For ghcr.io it is $GITHUB_TOKEN when there is none.
var Credentials = authn.NewMultiKeychain(loginFiles{}, github.Keychain)

type loginFiles struct{}

// authFile is docker's config.json or podman's auth.json.
type authFile struct {
	path        string
	Auths       map[string]authn.AuthConfig `json:"auths"`
	CredHelpers map[string]string           `json:"credHelpers"`
	CredsStore  string                      `json:"credsStore"`
}

// Resolve implements authn.Keychain.
func (loginFiles) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	files, err := readAuthFiles()
	if err != nil {
		return nil, err
	}
	for key := normalizeKey(resource.String()); ; {
		for _, file := range files {
			login, err := file.find(key)
			if err != nil {
				return nil, err
			}
			if login != (authn.AuthConfig{}) {
				return authn.FromConfig(login), nil
			}
		}
		parent := strings.LastIndex(key, "/")
		if parent < 0 {
			return authn.Anonymous, nil
		}
		key = key[:parent]
	}
}

// readAuthFiles reads the files in which `docker login` and `podman login` write. A file
// that the environment names and that does not exist is an error of MakePathsAbsolute.
func readAuthFiles() ([]authFile, error) {
	home, _ := os.UserHomeDir()
	var files []authFile
	for _, path := range []string{
		os.Getenv("REGISTRY_AUTH_FILE"),
		inDirectory("config.json", os.Getenv("DOCKER_CONFIG"), inDirectory(".docker", home)),
		inDirectory("auth.json", inDirectory("containers", os.Getenv("XDG_RUNTIME_DIR")), fmt.Sprintf("/run/containers/%d", os.Getuid())),
		inDirectory("containers/auth.json", os.Getenv("XDG_CONFIG_HOME"), inDirectory(".config", home)),
	} {
		raw, err := os.ReadFile(path)
		if isMissing(err) || err == nil && len(raw) == 0 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the logins: %w", err)
		}
		file := authFile{path: path}
		if err := json.Unmarshal(raw, &file); err != nil {
			return nil, fmt.Errorf("reading the logins in %s: %w", path, err)
		}
		files = append(files, file)
	}
	return files, nil
}

func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// inDirectory is the path in the first directory that is not empty; else "".
func inDirectory(path string, directories ...string) string {
	for _, directory := range directories {
		if directory != "" {
			return filepath.Join(directory, path)
		}
	}
	return ""
}

// find returns the login for exactly this key, HOST or HOST/PATH; the zero value if
// the file has none. Credential helpers know hosts only.
func (f authFile) find(key string) (authn.AuthConfig, error) {
	for _, written := range slices.Sorted(maps.Keys(f.Auths)) {
		if login := f.Auths[written]; normalizeKey(written) == key && login != (authn.AuthConfig{}) {
			return login, nil
		}
	}
	if strings.Contains(key, "/") {
		return authn.AuthConfig{}, nil
	}
	helper := f.CredsStore
	server := key
	for _, written := range slices.Sorted(maps.Keys(f.CredHelpers)) {
		if normalizeKey(written) == key {
			helper, server = f.CredHelpers[written], written
		}
	}
	if helper == "" {
		return authn.AuthConfig{}, nil
	}
	if server == dockerHub {
		server = "https://index.docker.io/v1/"
	}
	login, err := client.Get(client.NewShellProgramFunc("docker-credential-"+helper), server)
	switch {
	case helpers.IsErrCredentialsNotFound(err):
		return authn.AuthConfig{}, nil
	case err != nil:
		return authn.AuthConfig{}, fmt.Errorf("asking the credential helper docker-credential-%s, which %s names, for %s: %w", helper, f.path, key, err)
	case login.Username == "<token>":
		return authn.AuthConfig{IdentityToken: login.Secret}, nil
	}
	return authn.AuthConfig{Username: login.Username, Password: login.Secret}, nil
}

const dockerHub = "docker.io"

// normalizeKey leaves the host of what docker once wrote, https://HOST/v1/, and gives
// Docker Hub one name (containers-auth.json(5), "FORMAT").
func normalizeKey(key string) string {
	if _, address, isURL := strings.Cut(key, "://"); isURL {
		key, _, _ = strings.Cut(address, "/")
	}
	host, path, _ := strings.Cut(key, "/")
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		host = dockerHub
	}
	return strings.TrimSuffix(host+"/"+path, "/")
}

// MakePathsAbsolute resolves files and directories that the environment names
// relative to the directory in which the user stands: `bazel run` starts programs
// elsewhere. It is an error if one of them does not exist.
func MakePathsAbsolute(directory string) error {
	for _, variable := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		value := os.Getenv(variable)
		if value == "" {
			continue
		}
		paths := []string{value}
		if variable == "SSL_CERT_DIR" {
			paths = filepath.SplitList(value)
		}
		for i, path := range paths {
			if !filepath.IsAbs(path) {
				paths[i] = filepath.Join(directory, path)
			}
			if _, err := os.Stat(paths[i]); isMissing(err) {
				return fmt.Errorf("$%s names %s, which does not exist", variable, paths[i])
			}
		}
		if err := os.Setenv(variable, strings.Join(paths, string(filepath.ListSeparator))); err != nil {
			return err
		}
	}
	return nil
}
