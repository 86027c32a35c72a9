package attest

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Trust is whose attestations count.
type Trust struct {
	builders []string
	keys     []trustedKey
}

// trustedKey vouches for its builder only.
type trustedKey struct {
	crypto.PublicKey
	builder string
}

// ParseTrust reads a file of trusted builders:
//
//	{"builders": [
//	  {"id": "https://ci.example.com/builder", "keys": ["-----BEGIN PUBLIC KEY-----\n…"]}
//	]}
func ParseTrust(file []byte) (*Trust, error) {
	var content struct {
		Builders []struct {
			ID   string   `json:"id"`
			Keys []string `json:"keys"`
		} `json:"builders"`
	}
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&content); err != nil {
		return nil, fmt.Errorf("%w; it must be {\"builders\": [{\"id\": URI, \"keys\": [PEM, …]}, …]}", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something after the JSON object")
	}
	if len(content.Builders) == 0 {
		return nil, errors.New("it names no builder")
	}
	t := &Trust{}
	for _, b := range content.Builders {
		if err := CheckBuilder(b.ID); err != nil {
			return nil, err
		}
		if slices.Contains(t.builders, b.ID) {
			return nil, fmt.Errorf("the builder %s is in it twice: write its keys into one list", b.ID)
		}
		if len(b.Keys) == 0 {
			return nil, fmt.Errorf("the builder %s has no key", b.ID)
		}
		t.builders = append(t.builders, b.ID)
		for i, text := range b.Keys {
			if err := t.addKey(b.ID, text); err != nil {
				return nil, fmt.Errorf("key %d of the builder %s: %w", i+1, b.ID, err)
			}
		}
	}
	return t, nil
}

// addKey refuses a key that is there already: its holder would count as two builders.
func (t *Trust) addKey(builder, text string) error {
	key, err := parsePublicKey(text)
	if err != nil {
		return err
	}
	for _, other := range t.keys {
		if other.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(key) {
			return fmt.Errorf("it is a key of %s already", other.builder)
		}
	}
	t.keys = append(t.keys, trustedKey{key, builder})
	return nil
}

// CheckBuilder returns an error unless s can be the ID of a builder, an absolute URI.
func CheckBuilder(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("bad builder %q: write a URI, such as https://ci.example.com/builder", s)
	}
	return nil
}

// Builders is how many builders are trusted.
func (t *Trust) Builders() int { return len(t.builders) }

// verify returns what a bundle comes to, signed by the builder that it names.
func (t *Trust) verify(raw []byte) (claim, error) {
	envelope, err := parseBundle(raw)
	if err != nil {
		return claim{}, err
	}
	payload, err := envelope.DecodeB64Payload()
	if err != nil {
		return claim{}, err
	}
	signers := t.signers(dsse.PAE(envelope.PayloadType, payload), envelope.Signatures)
	if len(signers) == 0 {
		return claim{}, errors.New("no trusted key has signed it")
	}
	c, err := parseStatement(payload)
	if err != nil {
		return claim{}, err
	}
	if !slices.Contains(signers, c.builder) {
		return claim{}, fmt.Errorf("signed by %s, but it names the builder %.200q", strings.Join(signers, ", "), c.builder)
	}
	return c, nil
}

// signers returns the builders whose signatures are among these. The name of a key in a
// signature is a hint that nothing protects (DSSE, protocol.md), so all keys are tried.
func (t *Trust) signers(message []byte, signatures []dsse.Signature) []string {
	var signers []string
	for _, s := range signatures {
		signature, err := base64.StdEncoding.DecodeString(s.Sig)
		if err != nil {
			continue
		}
		for _, key := range t.keys {
			if isSignature(key.PublicKey, message, signature) {
				signers = append(signers, key.builder)
			}
		}
	}
	return signers
}

// Tally is which trusted builders attested a digest.
type Tally struct {
	trust    *Trust
	digest   v1.Hash
	attested map[string]bool
	others   map[string]v1.Hash // another digest that a builder attested
	ignored  []string
}

// Tally begins one.
func (t *Trust) Tally(digest v1.Hash) *Tally {
	return &Tally{trust: t, digest: digest, attested: map[string]bool{}, others: map[string]v1.Hash{}}
}

// Add counts one bundle, or the error with which it was read. One that is of no use is
// ignored, and its name and the reason are in the report.
func (t *Tally) Add(name string, bundle []byte, err error) {
	var c claim
	if err == nil {
		c, err = t.trust.verify(bundle)
	}
	switch {
	case err != nil:
		t.ignored = append(t.ignored, fmt.Sprintf("%s: %v", name, err))
	case slices.Contains(c.digests, t.digest):
		t.attested[c.builder] = true
	default:
		t.others[c.builder] = c.digests[0]
	}
}

// Attested is how many different trusted builders attested the digest.
func (t *Tally) Attested() int { return len(t.attested) }

// maxIgnored is how many attestations without use are in the report.
const maxIgnored = 20

// Report has one line for each trusted builder, and one for each attestation that does
// not count.
func (t *Tally) Report(w io.Writer) {
	for _, id := range t.trust.builders {
		other, hasOther := t.others[id]
		switch {
		case t.attested[id]:
			fmt.Fprintf(w, "  attested      %s\n", id)
		case hasOther:
			fmt.Fprintf(w, "  OTHER BYTES   %s: its statement is about %s\n", id, other)
		default:
			fmt.Fprintf(w, "  not attested  %s\n", id)
		}
	}
	for i, line := range t.ignored {
		if i == maxIgnored {
			fmt.Fprintf(w, "  … and %d more that do not count\n", len(t.ignored)-i)
			return
		}
		fmt.Fprintf(w, "  ignored       %s\n", line)
	}
}
