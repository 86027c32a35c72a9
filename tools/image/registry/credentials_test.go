package registry

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// auths are the logins of users, whose passwords are "secret", by key.
func auths(keysAndUsers ...string) string {
	var entries []string
	for i := 0; i < len(keysAndUsers); i += 2 {
		auth := base64.StdEncoding.EncodeToString([]byte(keysAndUsers[i+1] + ":secret"))
		entries = append(entries, fmt.Sprintf(`%q: {"auth": %q}`, keysAndUsers[i], auth))
	}
	return `{"auths": {` + strings.Join(entries, ", ") + `}}`
}

// cleanHome makes a home directory without logins, and returns it.
func cleanHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, variable := range []string{"REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "GITHUB_TOKEN", "GITHUB_ACTOR"} {
		t.Setenv(variable, "")
	}
	t.Setenv("HOME", home)
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
	return home
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func TestCredentials(t *testing.T) {
	const docker, podman = ".docker/config.json", "run/containers/auth.json"
	type files map[string]string // by path in the home directory
	helper := `{"auths": {"ghcr.io": {}}, "credsStore": "store", "credHelpers": {"quay.io": "missing", "gcr.io": "broken", "docker.io": "store"}}`
	for _, test := range []struct {
		name       string
		files      files
		repository string
		user       string            // "" for no login
		err        string            // instead
		env        map[string]string // paths are in the home directory
	}{
		{"repository", files{podman: auths("h.io", "host", "h.io/team", "team", "h.io/team/hello", "hello")}, "h.io/team/hello", "hello", "", nil},
		{"namespace", files{podman: auths("h.io", "host", "h.io/team", "team", "h.io/team/hello", "hello")}, "h.io/team/other", "team", "", nil},
		{"trailing slash", files{podman: auths("h.io/team/", "team")}, "h.io/team/hello", "team", "", nil},
		{"host", files{podman: auths("h.io", "host", "h.io/team", "team")}, "h.io/teams/hello", "host", "", nil},
		{"another path", files{podman: auths("h.io/team", "team", "h.io/other", "other")}, "h.io/third/hello", "", "", nil},
		{"beginning of a path", files{podman: auths("h.io/te", "te", "h.io/team/hello/x", "x")}, "h.io/team/hello", "", "", nil},
		{"another port", files{podman: auths("h.io:5000", "port")}, "h.io/hello", "", "", nil},
		{"port", files{podman: auths("h.io:5000", "port")}, "h.io:5000/hello", "port", "", nil},
		{"podman's when docker's says nothing", files{docker: `{"currentContext": "default"}`, podman: auths("h.io", "podman")}, "h.io/hello", "podman", "", nil},
		{"docker's when podman's says nothing", files{podman: auths("x.io", "x"), docker: auths("h.io", "docker")}, "h.io/hello", "docker", "", nil},
		{"docker's first", files{docker: auths("h.io", "docker"), podman: auths("h.io", "podman")}, "h.io/hello", "docker", "", nil},
		{"most specific of both", files{docker: auths("h.io", "docker"), podman: auths("h.io/team", "team")}, "h.io/team/hello", "team", "", nil},
		{"podman's of old", files{".config/containers/auth.json": auths("h.io", "config")}, "h.io/hello", "config", "", nil},
		{"address", files{docker: auths("https://h.io/v1/", "address")}, "h.io/hello", "address", "", nil},
		{"address of a path", files{docker: auths("http://h.io/team/", "address")}, "h.io/other", "address", "", nil},
		{"Docker Hub", files{docker: auths("https://index.docker.io/v1/", "hub")}, "someone/hello", "hub", "", nil},
		{"docker.io", files{podman: auths("docker.io/someone", "hub", "docker.io/other", "other")}, "index.docker.io/someone/hello", "hub", "", nil},
		{"registry-1.docker.io", files{podman: auths("registry-1.docker.io", "hub")}, "docker.io/someone/hello", "hub", "", nil},
		{"identity token", files{docker: `{"auths": {"h.io": {"identitytoken": "token"}}}`}, "h.io/hello", "token token", "", nil},
		{"GitHub's token", nil, "ghcr.io/someone/hello", "actor", "", map[string]string{"GITHUB_TOKEN": "secret", "GITHUB_ACTOR": "actor"}},
		{"login before GitHub's token", files{docker: auths("ghcr.io", "docker")}, "ghcr.io/someone/hello", "docker", "", map[string]string{"GITHUB_TOKEN": "secret"}},
		{"GitHub's token elsewhere", nil, "h.io/hello", "", "", map[string]string{"GITHUB_TOKEN": "secret"}},
		{"REGISTRY_AUTH_FILE", files{"f": auths("h.io", "f"), docker: auths("h.io", "docker")}, "h.io/hello", "f", "", map[string]string{"REGISTRY_AUTH_FILE": "f"}},
		{"DOCKER_CONFIG", files{"d/config.json": auths("h.io", "d"), docker: auths("h.io", "docker")}, "h.io/hello", "d", "", map[string]string{"DOCKER_CONFIG": "d"}},
		{"helper", files{docker: helper}, "ghcr.io/someone/hello", "asked for ghcr.io", "", nil},
		{"helper, Docker Hub", files{docker: helper}, "docker.io/someone/hello", "asked for https://index.docker.io/v1/", "", nil},
		{"helper, token", files{docker: helper}, "token.io/hello", "token secret", "", nil},
		{"helper, no login", files{docker: helper, podman: auths("none.io", "podman")}, "none.io/hello", "podman", "", nil},
		{"helper, not installed", files{docker: helper}, "quay.io/hello", "", `asking the credential helper docker-credential-missing, which HOME/.docker/config.json names, for quay.io: `, nil},
		{"helper, broken", files{docker: helper}, "gcr.io/hello", "", `docker-credential-broken, which HOME/.docker/config.json names, for gcr.io: error getting credentials - err: exit status 1, out: ` + "`no keys`", nil},
		{"login before the helper", files{docker: strings.Replace(helper, "{}", `{"auth": "dTpzZWNyZXQ="}`, 1)}, "ghcr.io/hello", "u", "", nil},
		{"empty file", files{docker: "", podman: auths("h.io", "podman")}, "h.io/hello", "podman", "", nil},
		{"no JSON", files{docker: `{"auths": {`}, "h.io/hello", "", "reading the logins in HOME/.docker/config.json: unexpected end of JSON input", nil},
		{"no base64", files{podman: `{"auths": {"x.io": {"auth": "?"}}}`}, "h.io/hello", "", "reading the logins in HOME/run/containers/auth.json: unable to decode auth field: illegal base64", nil},
		{"directory", files{docker + "/x": ""}, "h.io/hello", "", "reading the logins: read HOME/.docker/config.json: is a directory", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			home := cleanHome(t)
			for path, content := range test.files {
				writeFile(t, filepath.Join(home, path), content, 0o600)
			}
			for variable, value := range test.env {
				if !strings.HasPrefix(variable, "GITHUB") {
					value = filepath.Join(home, value)
				}
				t.Setenv(variable, value)
			}
			bin := filepath.Join(home, "bin")
			t.Setenv("PATH", bin+":/usr/bin:/bin")
			writeFile(t, filepath.Join(bin, "docker-credential-broken"), "#!/bin/sh\necho no keys\nexit 1\n", 0o700)
			writeFile(t, filepath.Join(bin, "docker-credential-store"), `#!/bin/sh
read -r server
case $server in
none.io) echo "credentials not found in native keychain"; exit 1 ;;
token.io) echo '{"ServerURL": "token.io", "Username": "<token>", "Secret": "secret"}' ;;
*) echo '{"ServerURL": "'"$server"'", "Username": "asked for '"$server"'", "Secret": "secret"}' ;;
esac
`, 0o700)
			repository, err := name.NewRepository(test.repository)
			if err != nil {
				t.Fatal(err)
			}
			var got authn.AuthConfig
			resolved, err := Credentials.Resolve(repository)
			if err == nil {
				config, authErr := resolved.Authorization()
				got, err = *config, authErr
			}
			if test.err != "" {
				if want := strings.ReplaceAll(test.err, "HOME", home); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %s", err, want)
				}
				return
			}
			want := authn.AuthConfig{Username: test.user, Password: "secret", Auth: base64.StdEncoding.EncodeToString([]byte(test.user + ":secret"))}
			if token, ok := strings.CutPrefix(test.user, "token "); ok {
				want = authn.AuthConfig{IdentityToken: token}
			} else if test.user == "" {
				want = authn.AuthConfig{}
			}
			if got.Auth == "" {
				want.Auth = "" // only in files
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("error %v; login (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestMakePathsAbsolute(t *testing.T) {
	home := cleanHome(t)
	for _, path := range []string{"docker/config.json", "auth.json", "certs/a/x", "certs/b/x"} {
		writeFile(t, filepath.Join(home, path), "", 0o600)
	}
	for _, test := range []struct{ variable, value, want, err string }{
		{"DOCKER_CONFIG", "docker", home + "/docker", ""},
		{"DOCKER_CONFIG", home + "/docker", home + "/docker", ""},
		{"DOCKER_CONFIG", "", "", ""},
		{"REGISTRY_AUTH_FILE", "./docker/../auth.json", home + "/auth.json", ""},
		{"SSL_CERT_FILE", "auth.json", home + "/auth.json", ""},
		{"SSL_CERT_DIR", "certs/a:" + home + "/certs/b", home + "/certs/a:" + home + "/certs/b", ""},
		{"DOCKER_CONFIG", "missing", "", "$DOCKER_CONFIG names " + home + "/missing, which does not exist"},
		{"REGISTRY_AUTH_FILE", "auth.json/x", "", "$REGISTRY_AUTH_FILE names " + home + "/auth.json/x, which does not exist"},
		{"SSL_CERT_DIR", "certs/a:certs/c", "", "$SSL_CERT_DIR names " + home + "/certs/c, which does not exist"},
	} {
		t.Run(test.variable+"="+test.value, func(t *testing.T) {
			for _, variable := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
				t.Setenv(variable, "")
			}
			t.Setenv(test.variable, test.value)
			err := MakePathsAbsolute(home)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("error %v, want %s", err, test.err)
				}
			} else if got := os.Getenv(test.variable); err != nil || got != test.want {
				t.Errorf("$%s = %s, error %v, want %s", test.variable, got, err, test.want)
			}
		})
	}
}
