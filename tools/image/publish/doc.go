// Package publish pushes images so that no tag ever points to something incomplete,
// and so that no version is published twice with different bytes.
//
// # Order
//
// Push does these steps for all images, each when the one before is done:
//
//  1. It looks where the version tags (vX.Y.Z, also pre-releases) point. One that
//     points to another image refuses the push.
//  2. Blobs, then manifests by digest: of the platforms, and then of the indexes. An
//     image whose version tag points to it already is complete and skips this step.
//  3. What belongs to the images: SBOMs and attestations.
//  4. The version tags and the additional tags. Before each it looks again where the
//     tag points, and after the last it reads all of them back.
//  5. "latest".
//
// A tag is set by one request, which a registry does completely or not at all, and
// only in steps 4 and 5, when everything it leads to is there. So whenever a push
// ends, by an error, by a signal or by the loss of its machine, each tag points to a
// complete image. What was sent stays, so that the next push only sends the rest.
//
// # Pushes at the same time
//
// The distribution specification has no compare-and-swap: a registry sets a tag
// whatever it pointed to. The following needs of it that a read sees the writes that
// were answered before it began.
//
// Version tags. Of two pushes of the same version with different bytes, either one
// sees the other's tag when it looks, and is refused; or both look before either
// writes. Then the tag is what the later one wrote, and the earlier one fails when it
// reads back, unless it did so before the later one wrote. This window, of one request
// between looking and writing, is the only way for a version tag to move without
// MoveTags, and only a registry with immutable tags can close it.
//
// Latest. Let the target be what the highest version tag points to. A push of the
// highest version does this: read the target; read "latest"; if they are equal, end;
// else set "latest" to the target, and begin again. It follows that when all pushes
// have ended so, "latest" is the target:
//
//   - Take the last write of "latest", to X. Whoever wrote it began again, read the
//     target after that write, and found it to be X: otherwise it would have written
//     once more.
//   - If the target changed after that read, some push changed it by writing the
//     highest version tag. After that write it read the target and "latest", which
//     still was X, and would have written the new target.
//
// A push that is killed in between may leave "latest" at an older version, at a
// complete image in any case; the next push of the highest version sets it.
package publish
