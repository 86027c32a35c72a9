// Package attest makes and reads attestations: what a builder signs when it got the
// same bytes.
//
// An attestation is an in-toto statement with an SLSA provenance, in a DSSE envelope,
// in a sigstore bundle: the form that cosign 3 writes and reads. The few types are
// written out here, as the libraries with the specifications' own ones would more than
// double the program; the tests compare them with those.
package attest

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

const (
	// MediaType is the type of a bundle, and of the artifact that it is in a registry.
	MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	// PredicateType is the only one that counts.
	PredicateType = "https://slsa.dev/provenance/v1"
	// BuildType names how this repository builds; docs/supply-chain.md describes it.
	BuildType = "https://example.com/reproducible-images/docs/supply-chain.md#build-type-v1"

	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	// cosignStatementType is what cosign 3.1 writes.
	cosignStatementType = "https://in-toto.io/Statement/v0.1"
)

// Annotations are those that cosign sets on the artifact; it also sets the time.
var Annotations = map[string]string{
	"dev.sigstore.bundle.content":       "dsse-envelope",
	"dev.sigstore.bundle.predicateType": PredicateType,
}

// bundle is a signed statement, and a hint at the key (sigstore/protobuf-specs,
// sigstore_bundle.proto, in the JSON form of protocol buffers). Only bundles with a key
// are of use here, so the certificate and the entry of a log are left out.
type bundle struct {
	MediaType            string `json:"mediaType"`
	VerificationMaterial struct {
		PublicKey struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
	} `json:"verificationMaterial"`
	Envelope *dsse.Envelope `json:"dsseEnvelope"`
}

// statement says that the subjects have a predicate (in-toto attestation framework,
// spec/v1/statement.md).
type statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Subject is what a statement is about.
type Subject struct {
	// Name is for people.
	Name string `json:"name"`
	// Digest is the digest of each algorithm in hexadecimal digits.
	Digest map[string]string `json:"digest"`
}

// provenance says who built the subjects, and from what (slsa.dev/spec/v1.0/provenance).
type provenance struct {
	BuildDefinition struct {
		BuildType            string `json:"buildType"`
		ExternalParameters   any    `json:"externalParameters"`
		ResolvedDependencies any    `json:"resolvedDependencies,omitempty"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
	} `json:"runDetails"`
}

// Parameters are the external parameters of BuildType.
type Parameters struct {
	// Source is the URI of the sources, and Commit the git commit.
	Source string `json:"source"`
	Commit string `json:"commit"`
	// Target is the Bazel label of the image.
	Target string `json:"target"`
	// BazelVersion and GoVersion are such as "7.7.1" and "go1.27.4".
	BazelVersion string `json:"bazelVersion"`
	GoVersion    string `json:"goVersion"`
}

// Sign makes the bundle in which a builder says that it built the subjects. There is no
// time in it: equal arguments give equal bytes.
func Sign(builder string, parameters Parameters, subjects []Subject, key crypto.Signer) ([]byte, error) {
	var p provenance
	p.BuildDefinition.BuildType = BuildType
	p.BuildDefinition.ExternalParameters = parameters
	p.BuildDefinition.ResolvedDependencies = []map[string]any{
		{"uri": parameters.Source, "digest": map[string]string{"gitCommit": parameters.Commit}},
	}
	p.RunDetails.Builder.ID = builder
	predicate, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(statement{statementType, subjects, PredicateType, predicate})
	if err != nil {
		return nil, err
	}
	return signPayload(payload, key)
}

func signPayload(payload []byte, key crypto.Signer) ([]byte, error) {
	signature, err := sign(key, dsse.PAE(payloadType, payload))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	b := bundle{MediaType: MediaType, Envelope: &dsse.Envelope{
		PayloadType: payloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(signature)}},
	}}
	if b.VerificationMaterial.PublicKey.Hint, err = hint(key.Public()); err != nil {
		return nil, err
	}
	return json.Marshal(b)
}

// maxSignatures is how many signatures of a bundle are tried. One is usual.
const maxSignatures = 10

// parseBundle reads a bundle of any writer.
func parseBundle(raw []byte) (*dsse.Envelope, error) {
	var b bundle
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	switch {
	case b.MediaType != MediaType:
		return nil, fmt.Errorf("unknown type of bundle %.100q", b.MediaType)
	case b.Envelope == nil:
		return nil, errors.New("the bundle has no DSSE envelope")
	case b.Envelope.PayloadType != payloadType:
		return nil, fmt.Errorf("unknown type of payload %.100q", b.Envelope.PayloadType)
	case len(b.Envelope.Signatures) > maxSignatures:
		return nil, fmt.Errorf("more than %d signatures", maxSignatures)
	}
	return b.Envelope, nil
}

// claim is what a statement comes to: a builder's word for some digests.
type claim struct {
	builder string
	digests []v1.Hash
}

// parseStatement reads a statement of any writer. What it says beside the builder and
// the subjects does not matter here.
func parseStatement(raw []byte) (claim, error) {
	var s statement
	if err := json.Unmarshal(raw, &s); err != nil {
		return claim{}, fmt.Errorf("reading the statement: %w", err)
	}
	if s.Type != statementType && s.Type != cosignStatementType {
		return claim{}, fmt.Errorf("unknown type of statement %.100q", s.Type)
	}
	if s.PredicateType != PredicateType {
		return claim{}, fmt.Errorf("unknown predicate %.100q", s.PredicateType)
	}
	var p provenance
	if err := json.Unmarshal(s.Predicate, &p); err != nil {
		return claim{}, fmt.Errorf("reading the provenance: %w", err)
	}
	c := claim{builder: p.RunDetails.Builder.ID}
	for _, subject := range s.Subject {
		digest, err := v1.NewHash("sha256:" + subject.Digest["sha256"])
		if err != nil {
			return claim{}, fmt.Errorf("the subject %.100q has no SHA-256 digest", subject.Name)
		}
		c.digests = append(c.digests, digest)
	}
	if len(c.digests) == 0 {
		return claim{}, errors.New("the statement has no subject")
	}
	return c, nil
}
