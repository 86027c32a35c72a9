package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Compare lists what differs between two images, in the order: for each
// platform its configuration, its layers with their files, and its manifest; then
// the image index. What only follows from other changes comes after all those,
// marked. Nothing is listed only for images that are equal in all that can be
// compared, and NotCompared says what could not be.
//
// When one side is an image without an index, it is compared with the other
// side's image for the same platform.
func Compare(old, new Image) []Change {
	c := &comparison{recorded: old.recorded() == new.recorded()}
	old, new = c.sameShape(old, new)
	c.platforms(old, new)
	c.index(old, new)
	return append(c.causes, c.follows...)
}

// NotCompared says, in words and one line each, what Compare leaves out because
// one of the images does not have it; empty for images of the same kind.
func NotCompared(old, new Image) []string {
	if old.recorded() == new.recorded() {
		return nil
	}
	out := []string{"one side is a docker archive, which has neither manifests nor the layers as they are published: digests, sizes and media types of those are not compared, nor are annotations"}
	archive, other := old, new
	if old.recorded() {
		archive, other = new, old
	}
	if _, ok := matching(other, archive); ok && len(other.Platforms) > 1 {
		var left []string
		for _, p := range other.Platforms {
			if p.Platform != archive.Platforms[0].Platform {
				left = append(left, Printable(p.Platform))
			}
		}
		out = append(out, fmt.Sprintf("a docker archive has one platform, here %s: %s is not compared", Printable(archive.Platforms[0].Platform), strings.Join(left, ", ")))
	}
	return out
}

// recorded reports whether there are manifests, as there are not in a docker
// archive.
func (i Image) recorded() bool { return i.Digest != "" || i.MediaType != "" }

func (i Image) isIndex() bool { return types.MediaType(i.MediaType).IsIndex() }

// matching is the image of an index that is for the platform of a single image.
func matching(index, single Image) (Image, bool) {
	if !index.isIndex() || single.isIndex() || len(single.Platforms) != 1 {
		return Image{}, false
	}
	return index.Only(single.Platforms[0].Platform)
}

// comparison is one run of Compare.
type comparison struct {
	// recorded is whether what one side records of manifests the other does too.
	recorded        bool
	causes, follows []Change
}

func (c *comparison) count() int { return len(c.causes) + len(c.follows) }

func (c *comparison) add(ch Change) {
	ch.Where = slices.Clone(ch.Where)
	if ch.Where == nil {
		ch.Where = []string{}
	}
	if ch.Follows {
		c.follows = append(c.follows, ch)
	} else {
		c.causes = append(c.causes, ch)
	}
}

// field notes a field unless its values are equal.
func (c *comparison) field(where []string, field, old, new string) {
	if old != new {
		c.add(Change{Where: where, Field: field, Old: old, New: new})
	}
}

// result notes a field that follows if other things changed, and is explained
// by note if not.
func (c *comparison) result(where []string, field, old, new string, follows bool, note string) {
	if old == new {
		return
	}
	if follows {
		note = ""
	}
	c.add(Change{Where: where, Field: field, Old: old, New: new, Follows: follows, Note: note})
}

// record notes differences of two maps.
func (c *comparison) record(where []string, name string, old, new map[string]string) {
	keys := slices.Sorted(maps.Keys(old))
	for k := range new {
		if _, ok := old[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		c.field(where, name+key(k), quoted(old, k), quoted(new, k))
	}
}

func quoted(m map[string]string, k string) string {
	if v, ok := m[k]; ok {
		return strconv.Quote(v)
	}
	return ""
}

// sameShape takes the matching image out of an index when the other side has
// only one image.
func (c *comparison) sameShape(old, new Image) (Image, Image) {
	a, oldIsIndex := matching(old, new)
	b, newIsIndex := matching(new, old)
	if !oldIsIndex && !newIsIndex {
		return old, new
	}
	if c.recorded {
		c.add(Change{
			Field: "mediaType", Old: old.MediaType, New: new.MediaType,
			Note: "one side has no image index: only the image for one platform is compared",
		})
	}
	if oldIsIndex {
		return a, new
	}
	return old, b
}

func (c *comparison) platforms(old, new Image) {
	a, b := old.Platforms, new.Platforms
	name := func(p Platform) string { return p.Platform }
	pairs := pairUp(a, b, name)
	// Two images alone are compared even if they are for different platforms.
	if len(a) == 1 && len(b) == 1 && !old.isIndex() && !new.isIndex() {
		c.field(nil, "platform", a[0].Platform, b[0].Platform)
		pairs = []pair{{0, 0}}
	}
	for _, p := range pairs {
		switch {
		case p.b < 0:
			c.add(Change{Field: "platform", Old: platformText(a[p.a])})
		case p.a < 0:
			c.add(Change{Field: "platform", New: platformText(b[p.b])})
		default:
			c.platform(a[p.a], b[p.b])
		}
	}
	if before, after, moved := order(a, b, pairs, name); moved {
		c.add(Change{Field: "platforms", Old: before, New: after, Note: "another order"})
	}
}

func platformText(p Platform) string {
	if p.Digest == "" {
		return p.Platform
	}
	return p.Platform + ", manifest " + p.Digest
}

func (c *comparison) index(old, new Image) {
	if !c.recorded {
		return
	}
	c.record(nil, "annotations", old.Annotations, new.Annotations)
	if old.isIndex() || new.isIndex() || len(old.Platforms) != 1 || len(new.Platforms) != 1 {
		c.field(nil, "mediaType", old.MediaType, new.MediaType)
		c.result(nil, "digest", old.Digest, new.Digest, c.count() > 0,
			"nothing else differs that is compared: the image index has other fields, such as annotations of its descriptors, or is written otherwise")
		return
	}
	// The image is the platform's manifest, which was compared already.
	if old.MediaType != old.Platforms[0].MediaType || new.MediaType != new.Platforms[0].MediaType {
		c.field(nil, "mediaType", old.MediaType, new.MediaType)
	}
	if old.Digest != old.Platforms[0].Digest || new.Digest != new.Platforms[0].Digest {
		c.field(nil, "digest", old.Digest, new.Digest)
	}
}

func (c *comparison) platform(a, b Platform) {
	before := c.count()
	where := []string{platformOr(a.Platform, b.Platform)}
	c.config(where, a, b)
	c.layers(where, a.Layers, b.Layers)
	if !c.recorded {
		return
	}
	c.record(where, "annotations", a.Annotations, b.Annotations)
	c.field(where, "mediaType", a.MediaType, b.MediaType)
	c.result(where, "digest", a.Digest, b.Digest, c.count() > before,
		"nothing else differs that is compared: the manifest has other fields, such as annotations of its descriptors, or is written otherwise")
}

func platformOr(old, new string) string {
	if old == "" {
		old = new
	}
	if old == "" {
		return "image"
	}
	return old
}

func (c *comparison) config(where []string, a, b Platform) {
	before := c.count()
	where = append(slices.Clone(where), "configuration")
	note := "one side could not be read"
	if len(a.Config) > 0 && len(b.Config) > 0 {
		note = "the same content, written otherwise as JSON"
		sameContent := slices.EqualFunc(a.Layers, b.Layers, func(x, y Layer) bool { return x.DiffID == y.DiffID })
		for _, d := range diffJSON(a.Config, b.Config) {
			d.Where = where
			d.Follows = !sameContent && strings.HasPrefix(d.Field, "rootfs.diff_ids[")
			c.add(d)
		}
	}
	changed := c.count() > before
	c.result(where, "digest", a.ConfigDigest, b.ConfigDigest, changed, note)
}

// layers compares layer by layer. Where the numbers differ, equal layers at the
// bottom and at the top are taken for the same ones.
func (c *comparison) layers(where []string, a, b []Layer) {
	if len(a) != len(b) {
		c.field(where, "layers", strconv.Itoa(len(a)), strconv.Itoa(len(b)))
	}
	for _, p := range align(a, b, func(x, y Layer) bool { return x.DiffID == y.DiffID }) {
		var name string
		var x, y Layer
		switch {
		case p.b < 0:
			name, x = layerName(p.a), a[p.a]
			c.add(Change{Where: where, Field: name, Old: layerText(x)})
		case p.a < 0:
			name, y = layerName(p.b), b[p.b]
			c.add(Change{Where: where, Field: name, New: layerText(y)})
		default:
			name, x, y = layerName(p.a), a[p.a], b[p.b]
			if p.a != p.b {
				name += fmt.Sprintf(" (now %d)", p.b+1)
			}
			c.layer(append(slices.Clone(where), name), x, y)
			continue
		}
		c.files(append(slices.Clone(where), name), x.Files, y.Files, false, false)
	}
}

func layerName(i int) string { return fmt.Sprintf("layer %d", i+1) }

func layerText(l Layer) string {
	return fmt.Sprintf("diff ID %s, %d files", l.DiffID, len(l.Files))
}

func (c *comparison) layer(where []string, a, b Layer) {
	before := c.count()
	cutOld, cutNew := a.DiffID == "" && b.DiffID != "", b.DiffID == "" && a.DiffID != ""
	c.files(where, a.Files, b.Files, cutOld, cutNew)
	note := "the same files: their archive differs in headers, padding or the like"
	if cutOld || cutNew {
		note = cutOff
	}
	c.result(where, "diffID", a.DiffID, b.DiffID, c.count() > before, note)
	if !c.recorded {
		return
	}
	c.field(where, "mediaType", a.MediaType, b.MediaType)
	c.result(where, "digest", a.Digest, b.Digest, c.count() > before, "the same content, compressed otherwise: by another program or level")
	c.result(where, "size", decimal(a.Size), decimal(b.Size), c.count() > before, "")
}

// decimal is a number as the value of a field: 0 stands for a value as well.
func decimal(n int64) string { return strconv.FormatInt(n, 10) }
