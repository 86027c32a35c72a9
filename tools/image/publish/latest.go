package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"example.com/reproducible-images/tools/image/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/mod/semver"
)

// followsHighest is false where "latest" stays (a pre-release, --no-latest; Semantic
// Versioning 2.0.0, items 9 and 11) or is set in any case (--move-tag latest).
func (p *pusher) followsHighest(d *destination) bool {
	return !p.NoLatest && !p.mayMove(Latest) && semver.Prerelease(d.Version) == ""
}

// setLatest sets "latest"; the package's documentation says why it does so this way.
func (p *pusher) setLatest(ctx context.Context, d *destination) error {
	switch {
	case p.NoLatest:
		return nil
	case p.mayMove(Latest):
		if err := p.putLatest(ctx, d, d.Index); err != nil {
			return err
		}
		d.latest = true
		p.Log("%s:%s  tagged", d.Name, Latest)
		return nil
	case semver.Prerelease(d.Version) != "":
		p.Log("%s:%s stays: %s is a pre-release", d.Name, Latest, d.Version)
		return nil
	}
	return p.followHighest(ctx, d)
}

// latestTries is more than pushes at the same time need, of which each writes
// something outdated once at most.
const latestTries = 20

// followHighest sets "latest" to what the highest version tag points to, if that is
// this image.
func (p *pusher) followHighest(ctx context.Context, d *destination) error {
	wrote := false
	for range latestTries {
		versions, err := d.versions(ctx)
		if err != nil {
			return err
		}
		highest := versions[len(versions)-1]
		if !wrote && !slices.Contains(d.tags, highest) {
			p.Log("%s:%s stays: %s is older than %s; --move-tag %[2]s moves it", d.Name, Latest, d.Version, highest)
			return nil
		}
		// The target first, and then "latest".
		target, err := d.Find(ctx, d.Tag(highest))
		if err != nil {
			return err
		}
		if target == nil {
			return fmt.Errorf("%s:%s is in the list of tags and does not exist", d.Name, highest)
		}
		latest, err := d.pointsTo(ctx, Latest)
		if err != nil {
			return err
		}
		if latest == target.Digest {
			if d.latest = latest == d.Digest; d.latest {
				p.Log("%s:%s  tagged", d.Name, Latest)
			} else if slices.Contains(d.tags, highest) {
				return fmt.Errorf("another push has moved %s:%s from %s to %s: %w", d.Name, highest, d.Digest, latest, errMoved)
			}
			return nil
		}
		if err := p.putLatest(ctx, d, target); err != nil {
			return err
		}
		wrote = true
	}
	return fmt.Errorf("other pushes keep moving %s:%s", d.Name, Latest)
}

// errImmutable says that the registry does not move "latest".
var errImmutable = errors.New("the registry refuses to move it")

func (p *pusher) putLatest(ctx context.Context, d *destination, target remote.Taggable) error {
	err := d.Pusher.Put(ctx, d.Tag(Latest), target)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode/100 == 4 && !answer.Temporary() {
		if at, findErr := d.pointsTo(ctx, Latest); findErr == nil && at.Hex != "" {
			return fmt.Errorf("%s:%s stays at %s: %w (%s); if the registry's tags are immutable, push with --no-latest",
				d.Name, Latest, at, errImmutable, registry.Describe(answer))
		}
	}
	if err != nil {
		return fmt.Errorf("setting the tag %s:%s: %w", d.Name, Latest, err)
	}
	return nil
}

// versions lists the releases in the registry and those of the image, in ascending
// order.
func (d *destination) versions(ctx context.Context) ([]string, error) {
	tags, err := d.Tags(ctx)
	if registry.IsStatus(err, http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed) {
		var answer *transport.Error
		errors.As(err, &answer)
		return nil, fmt.Errorf("the registry does not list the tags of %s (%s), so it is not known whether %s is the highest version: --no-latest leaves %q as it is, --move-tag %[4]s sets it: %w",
			d.Name, registry.Describe(answer), d.Version, Latest, errNoList)
	}
	if err != nil {
		return nil, err
	}
	versions := append(tags, d.tags...)
	versions = slices.DeleteFunc(versions, func(tag string) bool { return !IsVersion(tag) || semver.Prerelease(tag) != "" })
	semver.Sort(versions)
	return slices.Compact(versions), nil
}

// errNoList says that the registry does not list tags.
var errNoList = errors.New("listing tags is refused")
