package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/remotes"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// latest sets "latest" of all images; the package's documentation says why it
// does so this way.
func (p *pusher) latest(ctx context.Context) error {
	for _, d := range p.images {
		set := p.followHighest
		if p.mayMove(imageset.LatestTag) {
			set = p.insistOnLatest
		}
		if err := set(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func (p *pusher) insistOnLatest(ctx context.Context, d *destination) error {
	if err := p.setTag(ctx, d, imageset.LatestTag); err != nil {
		return err
	}
	return p.readBackTag(ctx, d, imageset.LatestTag)
}

// latestTries is more than pushes at the same time need, of which each writes
// something outdated once at most.
const latestTries = 20

// followHighest sets "latest" to what the highest version tag points to, if
// that is the image.
func (p *pusher) followHighest(ctx context.Context, d *destination) error {
	wrote := false
	for range latestTries {
		s, err := p.look(ctx, d)
		if err != nil {
			return err
		}
		switch {
		case !wrote && s.highest != d.version():
			p.stays(d, s)
			return nil
		case !wrote && s.target.Digest != d.Image.Digest, s.pointsTo(s.target.Digest):
			return p.settled(d, s)
		}
		if !wrote {
			if err := p.announceMove(ctx, d, s); err != nil {
				return err
			}
		}
		ref := d.ref(":" + imageset.LatestTag)
		if err := p.retry(ctx, func() error { return p.remote.Put(ctx, d.repo.Tag(imageset.LatestTag), s.target) }); err != nil {
			return during("setting the tag "+ref, err)
		}
		wrote = true
	}
	return fmt.Errorf("other pushes keep moving %s", d.ref(":"+imageset.LatestTag))
}

// sight is what a look at a repository's tags shows.
type sight struct {
	// versions are the version tags in ascending order, of which highest is
	// the last and target is what that one points to.
	versions []string
	highest  string
	target   *remote.Descriptor
	// latest is where "latest" points; nil if it does not exist.
	latest *remote.Descriptor
}

func (s sight) pointsTo(digest v1.Hash) bool { return s.latest != nil && s.latest.Digest == digest }

// look reads the highest version tag first, and then "latest".
func (p *pusher) look(ctx context.Context, d *destination) (s sight, err error) {
	if s.versions, err = p.versions(ctx, d, true); err != nil {
		return sight{}, err
	}
	s.highest = s.versions[len(s.versions)-1]
	err = p.retry(ctx, func() error {
		if s.target, err = d.lookUp(ctx, s.highest); err != nil {
			return err
		}
		if s.target == nil {
			return &mismatch{d.ref(":" + s.highest), "an image", "missing"}
		}
		s.latest, err = d.lookUp(ctx, imageset.LatestTag)
		return err
	})
	return s, err
}

// noList says that which version is the highest is not known.
func (d *destination) noList(why string, err error) error {
	return explained{fmt.Sprintf("the registry does not list the tags of %s (%s), so that it is not known whether %s is the highest version; --move-tag %s sets %[4]s in any case",
		d.Repository, why, d.version(), imageset.LatestTag), err}
}

// versions lists the version tags of the registry and of the image in ascending
// order. Once those of the image are set, a list without them is an error: it is
// not that of the registry as it is.
func (p *pusher) versions(ctx context.Context, d *destination, set bool) (versions []string, err error) {
	err = p.retry(ctx, func() error {
		tags, err := d.list(ctx)
		versions = slices.Concat(tags, d.Tags)
		if err == nil && set && !slices.Contains(tags, d.version()) {
			return d.noList(fmt.Sprintf("the list lacks %s, which was just set", d.version()), nil)
		}
		return err
	})
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden {
		return nil, d.noList(remotes.Describe(answer), err)
	}
	if err != nil {
		return nil, err
	}
	versions = slices.DeleteFunc(versions, func(tag string) bool { return !isVersion(tag) })
	slices.SortFunc(versions, compareVersions)
	return slices.Compact(versions), nil
}

// version is the image's highest version tag.
func (d *destination) version() string {
	highest := d.Image.Version
	for _, tag := range d.Tags {
		if isVersion(tag) && compareVersions(tag, highest) > 0 {
			highest = tag
		}
	}
	return highest
}

// stays leaves "latest" where it is.
func (p *pusher) stays(d *destination, s sight) {
	where := "stays unset"
	if s.latest != nil {
		where = "stays at " + s.latest.Digest.String()
	}
	p.progress.Notice(fmt.Sprintf("%s %s: %s is older than %s; --move-tag %s moves it",
		d.ref(":"+imageset.LatestTag), where, d.version(), s.highest, imageset.LatestTag))
	d.withoutLatest()
}

// settled ends followHighest: nothing is left to be written.
func (p *pusher) settled(d *destination, s sight) error {
	ref := d.ref(":" + imageset.LatestTag)
	switch {
	case s.target.Digest == d.Image.Digest:
		p.progress.Tagged(ref)
		return nil
	case s.highest == d.version():
		return overtaken{conflict{d.ref(":" + s.highest), s.highest, s.target.Digest, d.Image.Digest}}
	}
	p.progress.Notice(fmt.Sprintf("%s follows %s, which another push set at the same time", ref, s.highest))
	d.withoutLatest()
	return nil
}

// withoutLatest takes "latest" out of what is reported as published.
func (d *destination) withoutLatest() {
	d.Tags = slices.DeleteFunc(d.Tags, func(tag string) bool { return tag == imageset.LatestTag })
}

// announceMove says so when "latest" did not follow the version before this
// one: somebody may have set it by hand.
func (p *pusher) announceMove(ctx context.Context, d *destination, s sight) error {
	if s.latest == nil {
		return nil
	}
	before, followed := "any version", false
	if len(s.versions) > 1 {
		before = s.versions[len(s.versions)-2]
		err := p.retry(ctx, func() error {
			desc, err := d.lookUp(ctx, before)
			followed = desc != nil && s.pointsTo(desc.Digest)
			return err
		})
		if err != nil {
			return err
		}
	}
	if !followed {
		p.progress.Notice(fmt.Sprintf("%s moves from %s, which is not %s, to %s", d.ref(":"+imageset.LatestTag), s.latest.Digest, before, s.highest))
	}
	return nil
}
