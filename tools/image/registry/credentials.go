package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	var files []authFile
	for _, path := range authFilePaths() {
		file, err := readAuthFile(path)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
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

// authFilePaths are the files in which `docker login` and `podman login` write. A file
// that the environment names and that does not exist is an error of MakePathsAbsolute.
func authFilePaths() []string {
	home, _ := os.UserHomeDir()
	paths := []string{
		os.Getenv("REGISTRY_AUTH_FILE"),
		inDirectory("config.json", os.Getenv("DOCKER_CONFIG"), inDirectory(".docker", home)),
		inDirectory("containers/auth.json", os.Getenv("XDG_RUNTIME_DIR")),
		inDirectory("containers/auth.json", os.Getenv("XDG_CONFIG_HOME"), inDirectory(".config", home)),
	}
	var existing []string
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			existing = append(existing, path)
		}
	}
	return existing
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

func readAuthFile(path string) (authFile, error) {
	file := authFile{path: path}
	raw, err := os.ReadFile(path)
	if err != nil {
		return file, fmt.Errorf("reading the logins: %w", err)
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return file, fmt.Errorf("reading the logins in %s: %w", path, err)
	}
	return file, nil
}

// find returns the login for exactly this key, HOST or HOST/PATH; the zero value if
// the file has none. Credential helpers know hosts only.
func (f authFile) find(key string) (authn.AuthConfig, error) {
	for written, login := range f.Auths {
		if normalizeKey(written) == key && login != (authn.AuthConfig{}) {
			return login, nil
		}
	}
	if strings.Contains(key, "/") {
		return authn.AuthConfig{}, nil
	}
	helper := f.CredsStore
	server := key
	for written, name := range f.CredHelpers {
		if normalizeKey(written) == key {
			helper, server = name, written
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

// normalizeKey removes what docker once wrote around a host: https://HOST/v1/.
func normalizeKey(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	key = strings.TrimSuffix(key, "/")
	if host, version, ok := strings.Cut(key, "/"); ok && (version == "v1" || version == "v2") {
		key = host
	}
	host, path, hasPath := strings.Cut(key, "/")
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		host = dockerHub
	}
	if hasPath {
		return host + "/" + path
	}
	return host
}

// MakePathsAbsolute resolves files and directories that the environment names
// relative to the directory in which the user stands: `bazel run` starts programs
// elsewhere. It is an error if one of them does not exist.
func MakePathsAbsolute(directory string) error {
	for _, variable := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		path := os.Getenv(variable)
		if path == "" {
			continue
		}
		if variable == "SSL_CERT_DIR" && strings.Contains(path, ":") {
			continue // a list
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(directory, path)
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("$%s names %s, which does not exist", variable, path)
		}
		if err := os.Setenv(variable, path); err != nil {
			return err
		}
	}
	return nil
}
