// Package browser looks at a page as a person would, in a real browser, and
// says what is wrong with it. It drives Debian's chromium, headless, over the
// Chrome DevTools Protocol.
package browser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"
)

// Browser is a running chromium with a profile of its own.
type Browser struct {
	ctx  context.Context
	stop func()
	// tabs has an element for each that is open.
	tabs chan struct{}
}

// maxTabs is how many are open at once: most of the time they wait.
const maxTabs = 4

// programs are the names of what can be driven, the wanted one first.
var programs = []string{"chromium", "chromium-browser", "google-chrome"}

var errMissing = errors.New("there is no chromium on PATH (Debian: apt-get install chromium)")

// Start starts a chromium, which lives until Close, at the longest as long as
// ctx and this process do. It reaches nothing but localhost, 127.0.0.1 and these
// hosts, names or addresses. The error says which package is missing if there
// is no chromium.
func Start(ctx context.Context, hosts ...string) (*Browser, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	home, err := makeHome()
	if err != nil {
		return nil, fmt.Errorf("making a home for chromium: %w", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "FONTCONFIG_FILE="+fonts(home)),
		chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		// A proxy of the environment is not asked for this machine's pages.
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", resolve(hosts)),
		// Glyphs are the same at every place.
		chromedp.Flag("font-render-hinting", "none"),
	)
	ctx, closeProcess := chromedp.NewExecAllocator(ctx, options...)
	// Errors are returned; what it would log besides is of no use.
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	b := &Browser{ctx: ctx, tabs: make(chan struct{}, maxTabs), stop: func() {
		closeTab()
		// Waits until the process has ended and its profile is removed.
		closeProcess()
		os.RemoveAll(home)
	}}
	if err := chromedp.Do(ctx); err != nil {
		b.stop()
		// It has all that chromium said.
		return nil, fmt.Errorf("starting %s: %s", program, strings.Join(strings.Fields(err.Error()), " "))
	}
	return b, nil
}

// Close ends chromium and removes its profile.
func (b *Browser) Close() { b.stop() }

//go:embed fonts.conf
var fontsConf []byte

// makeHome makes a home directory, for what chromium writes outside its profile,
// such as a font cache; and for which fonts it is to use, instead of what the
// user has chosen.
func makeHome() (string, error) {
	home, err := os.MkdirTemp("", "browser-home-")
	if err != nil {
		return "", err
	}
	return home, os.WriteFile(fonts(home), fontsConf, 0o666)
}

func fonts(home string) string { return filepath.Join(home, "fonts.conf") }

// resolve is the rule by which addresses, too, are looked up: neither a page nor
// chromium itself gets to any other host.
func resolve(hosts []string) string {
	rules := "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
	for _, host := range hosts {
		rules += ", EXCLUDE " + host
	}
	return rules
}

func find() (string, error) {
	for _, name := range programs {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", errMissing
}
