package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	provenancev1 "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	sigstore "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// newKey is a private key in PEM form, always the same for a seed.
func newKey(t testing.TB, kind string, seed byte) []byte {
	t.Helper()
	secret := bytes.Repeat([]byte{seed + 1}, 32)
	var key any
	var err error
	switch kind {
	case "ed25519":
		key = ed25519.NewKeyFromSeed(secret)
	case "p256":
		key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), secret)
	case "p384":
		key, err = ecdsa.ParseRawPrivateKey(elliptic.P384(), append(secret, make([]byte, 16)...))
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func newSigner(t testing.TB, kind string, seed byte) crypto.Signer {
	t.Helper()
	signer, err := ParsePrivateKey(newKey(t, kind, seed), "")
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func digestOf(text string) v1.Hash {
	digest, _, err := v1.SHA256(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return digest
}

var testParameters = Parameters{
	Source: "git+https://example.com/repo", Commit: strings.Repeat("a", 40), Target: "//images:app",
	BazelVersion: "7.7.1", GoVersion: "go1.27.4",
}

func testSubject(name, text string) Subject {
	return Subject{name, map[string]string{"sha256": digestOf(text).Hex}}
}

var testSubjects = []Subject{testSubject("app", "index"), testSubject("app linux/amd64", "amd64"), testSubject("app linux/arm64", "arm64")}

func mustSign(t testing.TB, builder string, subjects []Subject, key crypto.Signer) []byte {
	t.Helper()
	bundle, err := Sign(builder, testParameters, subjects, key)
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

// What is written here is what the specifications' own libraries read, strictly.
func TestFormats(t *testing.T) {
	t.Parallel()
	raw := mustSign(t, "https://a.example", testSubjects, newSigner(t, "p256", 0))
	var b sigstore.Bundle
	if err := protojson.Unmarshal(raw, &b); err != nil {
		t.Fatalf("not a sigstore bundle: %v", err)
	}
	envelope := b.GetDsseEnvelope()
	if b.MediaType != MediaType || b.GetVerificationMaterial().GetPublicKey().GetHint() == "" || len(envelope.GetSignatures()) != 1 {
		t.Errorf("got the bundle %v", &b)
	}
	var s intoto.Statement
	if err := protojson.Unmarshal(envelope.GetPayload(), &s); err != nil {
		t.Fatalf("not an in-toto statement: %v", err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if s.GetType() != intoto.StatementTypeUri {
		t.Errorf("the type is %s", s.GetType())
	}
	predicate, err := json.Marshal(s.GetPredicate().AsMap())
	if err != nil {
		t.Fatal(err)
	}
	var p provenancev1.Provenance
	if err := protojson.Unmarshal(predicate, &p); err != nil {
		t.Fatalf("not an SLSA provenance: %v", err)
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, subject := range s.GetSubject() {
		got = append(got, subject.GetName()+" "+subject.GetDigest()["sha256"])
	}
	want := []string{"app " + digestOf("index").Hex, "app linux/amd64 " + digestOf("amd64").Hex, "app linux/arm64 " + digestOf("arm64").Hex}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
}

// Equal builds and keys give equal bytes, so a second attestation is no second one.
func TestSignIsDeterministic(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ed25519", "p256"} {
		a := mustSign(t, "https://a.example", testSubjects, newSigner(t, kind, 0))
		b := mustSign(t, "https://a.example", testSubjects, newSigner(t, kind, 0))
		if !bytes.Equal(a, b) {
			t.Errorf("%s: two bundles differ:\n%s\n%s", kind, a, b)
		}
	}
}

func encoded(t testing.TB, raw []byte) string {
	t.Helper()
	envelope, err := parseBundle(raw)
	if err != nil {
		t.Fatal(err)
	}
	return envelope.Payload
}

func payloadOf(t testing.TB, raw []byte) []byte {
	t.Helper()
	payload, err := base64.StdEncoding.DecodeString(encoded(t, raw))
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func publicPEM(t testing.TB, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// trustFile trusts each builder by its keys.
func trustFile(t testing.TB, builders ...any) []byte {
	t.Helper()
	var list []map[string]any
	for _, b := range builders {
		switch b := b.(type) {
		case string:
			list = append(list, map[string]any{"id": b, "keys": []string{}})
		case crypto.Signer:
			last := list[len(list)-1]
			last["keys"] = append(last["keys"].([]string), publicPEM(t, b.Public()))
		}
	}
	raw, err := json.Marshal(map[string]any{"builders": list})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTally(t *testing.T) {
	t.Parallel()
	const a, b, c = "https://a.example", "https://b.example", "https://c.example"
	keyA, keyA2, keyB, keyC := newSigner(t, "p256", 1), newSigner(t, "ed25519", 1), newSigner(t, "ed25519", 2), newSigner(t, "p256", 3)
	stranger := newSigner(t, "p256", 9)
	trusted, err := ParseTrust(trustFile(t, a, keyA, keyA2, b, keyB, c, keyC))
	if err != nil {
		t.Fatal(err)
	}
	other := []Subject{testSubject("app", "other")}
	edit := func(raw []byte, old, new string) []byte {
		edited := bytes.Replace(raw, []byte(old), []byte(new), 1)
		if bytes.Equal(raw, edited) {
			t.Fatalf("no %q in %s", old, raw)
		}
		return edited
	}
	// statement signs a payload that Sign does not write.
	statement := func(key crypto.Signer, old, new string) []byte {
		payload := payloadOf(t, mustSign(t, a, testSubjects, key))
		raw, err := signPayload(edit(payload, old, new), key)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	goodA := mustSign(t, a, testSubjects, keyA)
	tests := []struct {
		name    string
		bundles [][]byte
		want    int
		report  []string
	}{
		{"nobody", nil, 0, []string{"not attested  " + a}},
		{"all", [][]byte{goodA, mustSign(t, b, testSubjects, keyB), mustSign(t, c, testSubjects, keyC)}, 3, []string{"attested      " + c}},
		{"twice", [][]byte{goodA, goodA}, 1, nil},
		{"two keys of one builder", [][]byte{goodA, mustSign(t, a, testSubjects, keyA2)}, 1, nil},
		{"a stranger's key", [][]byte{mustSign(t, a, testSubjects, stranger)}, 0, []string{"no trusted key has signed it"}},
		{"a stranger's builder", [][]byte{mustSign(t, "https://x.example", testSubjects, stranger)}, 0, []string{"no trusted key has signed it"}},
		{"in the name of another builder", [][]byte{mustSign(t, b, testSubjects, keyA)}, 0, []string{"signed by " + a + `, but it names the builder "` + b}},
		{"other bytes", [][]byte{goodA, mustSign(t, b, other, keyB)}, 1, []string{"OTHER BYTES   " + b + ": its statement is about " + digestOf("other").String()}},
		{"these bytes and others", [][]byte{mustSign(t, a, other, keyA), goodA}, 1, []string{"attested      " + a}},
		{"a changed statement", [][]byte{edit(goodA, encoded(t, goodA), encoded(t, mustSign(t, a, other, keyA)))}, 0, []string{"no trusted key"}},
		{"another predicate", [][]byte{statement(keyA, PredicateType, "https://example.com/other/v1")}, 0, []string{`unknown predicate "https://example.com/other/v1"`}},
		{"another type of statement", [][]byte{statement(keyA, statementType, "https://example.com/other")}, 0, []string{"unknown type of statement"}},
		{"cosign's type of statement", [][]byte{statement(keyA, statementType, cosignStatementType)}, 1, nil},
		{"without builder", [][]byte{statement(keyA, `"id":"`+a+`"`, `"id":""`)}, 0, []string{`signed by ` + a + `, but it names the builder ""`}},
		{"another digest algorithm", [][]byte{statement(keyA, `"sha256":"`, `"sha512":"`)}, 0, []string{`the subject "app" has no SHA-256 digest`}},
		{"another type of payload", [][]byte{edit(goodA, payloadType, "text/plain")}, 0, []string{`unknown type of payload "text/plain"`}},
		{"another version of bundles", [][]byte{edit(goodA, "v0.3", "v9.9")}, 0, []string{"unknown type of bundle"}},
		{"no bundle", [][]byte{[]byte("{}"), []byte("["), nil, []byte(`{"mediaType":"` + MediaType + `"}`)}, 0, []string{"unknown type of bundle", "unexpected end of JSON input", "has no DSSE envelope"}},
		{"many signatures", [][]byte{edit(goodA, `"signatures":[`, `"signatures":[`+strings.Repeat(`{"sig":""},`, 11)), goodA}, 1, []string{"more than 10 signatures"}},
		{"a broken signature beside", [][]byte{edit(goodA, `"signatures":[`, `"signatures":[{"sig":"AAAA"},`)}, 1, nil},
		{"a name for the key", [][]byte{edit(goodA, `"keyid":""`, `"keyid":"anything"`)}, 1, nil},
		{"much of it", bytes.SplitAfter(bytes.Repeat([]byte("x"), 30), []byte("x")), 0, []string{"… and 11 more that do not count"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tally := trusted.Tally(digestOf("index"))
			for i, bundle := range test.bundles {
				tally.Add(fmt.Sprint("bundle ", i), bundle, nil)
			}
			var report strings.Builder
			tally.Report(&report)
			if tally.Attested() != test.want {
				t.Errorf("%d attested, want %d:\n%s", tally.Attested(), test.want, &report)
			}
			for _, want := range test.report {
				if !strings.Contains(report.String(), want) {
					t.Errorf("no %q in the report:\n%s", want, &report)
				}
			}
		})
	}
}

func TestParseTrust(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, "p256", 1), newSigner(t, "ed25519", 2)
	public := func(kind string) string {
		block, _ := pem.Decode(newKey(t, kind, 0))
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(publicPEM(t, key.(crypto.Signer).Public()))
		if err != nil {
			t.Fatal(err)
		}
		return `{"builders": [{"id": "https://a.example", "keys": [` + string(text) + `]}]}`
	}
	tests := []struct{ file, want string }{
		{string(trustFile(t, "https://a.example", a, "https://b.example", b)), ""},
		{"", "EOF"},
		{"[]", "it must be"},
		{`{"builder": []}`, `unknown field "builder"`},
		{`{"builders": []}`, "it names no builder"},
		{`{"builders": []} {}`, "something after"},
		{string(trustFile(t, "a", a)), `bad builder "a"`},
		{string(trustFile(t, "https://a.example/\n", a)), "bad builder"},
		{string(trustFile(t, "https://a.example")), "has no key"},
		{string(trustFile(t, "https://a.example", a, "https://a.example", b)), "is in it twice"},
		{string(trustFile(t, "https://a.example", a, "https://b.example", a)), "is a key of https://a.example already"},
		{`{"builders": [{"id": "https://a.example", "keys": ["x"]}]}`, "key 1 of the builder https://a.example: it is not one public key"},
		{public("rsa"), errKeyType.Error()},
		{public("p384"), errKeyType.Error()},
	}
	for _, test := range tests {
		_, err := ParseTrust([]byte(test.file))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.200s: error %v, want %q", test.file, err, test.want)
		}
	}
}

func TestParsePrivateKey(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(newKey(t, "p256", 0))
	sealed, err := encrypted.EncryptWithCustomKDFParameters(block.Bytes, []byte("secret"), encrypted.Legacy)
	if err != nil {
		t.Fatal(err)
	}
	file := func(kind string, content []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
	}
	tests := []struct{ name, file, password, want string }{
		{"PKCS #8", string(newKey(t, "p256", 0)), "", ""},
		{"Ed25519", string(newKey(t, "ed25519", 0)), "", ""},
		{"SEC 1", file("EC PRIVATE KEY", []byte("x")), "", "`openssl pkcs8 -topk8 -nocrypt` converts"},
		{"cosign", file("ENCRYPTED SIGSTORE PRIVATE KEY", sealed), "secret", ""},
		{"older cosign", file("ENCRYPTED COSIGN PRIVATE KEY", sealed), "secret", ""},
		{"wrong password", file("ENCRYPTED SIGSTORE PRIVATE KEY", sealed), "", "decrypting it with the password in $COSIGN_PASSWORD"},
		{"public", publicPEM(t, newSigner(t, "p256", 0).Public()), "", `a PEM block "PUBLIC KEY", and not a PRIVATE KEY`},
		{"RSA", string(newKey(t, "rsa", 0)), "", errKeyType.Error()},
		{"P-384", string(newKey(t, "p384", 0)), "", errKeyType.Error()},
		{"damaged", file("PRIVATE KEY", []byte("x")), "", "reading the private key"},
		{"empty", "", "", "no private key in PEM form"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParsePrivateKey([]byte(test.file), test.password)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// A bundle may have entries of a log and timestamps, which do not matter here.
func TestSigstoreFieldsAreIgnored(t *testing.T) {
	t.Parallel()
	signer := newSigner(t, "p256", 1)
	trusted, err := ParseTrust(trustFile(t, "https://a.example", signer))
	if err != nil {
		t.Fatal(err)
	}
	raw := bytes.Replace(mustSign(t, "https://a.example", testSubjects, signer), []byte(`"verificationMaterial":{`),
		[]byte(`"verificationMaterial":{"tlogEntries":[],"timestampVerificationData":{"rfc3161Timestamps":[]},`), 1)
	if _, err := trusted.verify(raw); err != nil {
		t.Error(err)
	}
}

// Only what a trusted key signed is ever taken from a bundle.
func FuzzVerify(f *testing.F) {
	signer := newSigner(f, "ed25519", 1)
	trusted, err := ParseTrust(trustFile(f, "https://a.example", signer))
	if err != nil {
		f.Fatal(err)
	}
	good := mustSign(f, "https://a.example", testSubjects, signer)
	want, err := trusted.verify(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(mustSign(f, "https://a.example", testSubjects, newSigner(f, "p256", 2)))
	f.Add([]byte(`{"mediaType":"` + MediaType + `","dsseEnvelope":{"payloadType":"` + payloadType + `","payload":"","signatures":[{"sig":""}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := trusted.verify(raw)
		if err == nil && !cmp.Equal(want, got, cmp.AllowUnexported(claim{})) {
			t.Errorf("%s was taken for the claim %v", raw, got)
		}
	})
}

// FuzzStatement signs whatever comes, so that it gets past the signature.
func FuzzStatement(f *testing.F) {
	signer := newSigner(f, "ed25519", 1)
	trusted, err := ParseTrust(trustFile(f, "https://a.example", signer))
	if err != nil {
		f.Fatal(err)
	}
	payload := payloadOf(f, mustSign(f, "https://a.example", testSubjects, signer))
	f.Add(payload)
	f.Add(bytes.Replace(payload, []byte(`"subject":[`), []byte(`"subject":[null,`), 1))
	f.Add([]byte(`{"_type":"` + cosignStatementType + `","predicateType":"` + PredicateType + `","predicate":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		raw, err := signPayload(payload, signer)
		if err != nil {
			t.Fatal(err)
		}
		got, err := trusted.verify(raw)
		if err != nil {
			return
		}
		if got.builder != "https://a.example" || len(got.digests) == 0 {
			t.Errorf("%s was taken for the claim %v", payload, got)
		}
		for _, digest := range got.digests {
			if !bytes.Contains(payload, []byte(digest.Hex)) && !bytes.Contains(payload, []byte(`\`)) {
				t.Errorf("%s has no %s", payload, digest)
			}
		}
	})
}
