package attest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

// ParsePrivateKey reads a private key, ECDSA P-256 or Ed25519, from a PEM file: PKCS #8,
// as `openssl genpkey` writes it, or cosign's encrypted form, for which the password is
// used.
func ParsePrivateKey(file []byte, password string) (crypto.Signer, error) {
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, errors.New("it has no private key in PEM form")
	}
	der := block.Bytes
	switch block.Type {
	case "PRIVATE KEY":
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		var err error
		if der, err = encrypted.Decrypt(block.Bytes, []byte(password)); err != nil {
			return nil, fmt.Errorf("decrypting it with the password in $COSIGN_PASSWORD: %w", err)
		}
	default:
		return nil, fmt.Errorf("it has a PEM block %q, and not a PRIVATE KEY; `openssl pkcs8 -topk8 -nocrypt` converts other forms of private keys", block.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading the private key: %w", err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errKeyType
	}
	return key, checkKey(key.Public())
}

var errKeyType = errors.New("a key must be Ed25519 (openssl genpkey -algorithm ed25519) or ECDSA P-256 (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)")

func checkKey(public crypto.PublicKey) error {
	switch public := public.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return nil
		}
	}
	return errKeyType
}

// sign signs without randomness, also by ECDSA (RFC 6979).
func sign(key crypto.Signer, message []byte) ([]byte, error) {
	hash := crypto.SHA256
	if _, ok := key.Public().(ed25519.PublicKey); ok {
		hash = 0 // Ed25519 signs the message itself
	}
	return crypto.SignMessage(key, nil, message, hash)
}

func isSignature(public crypto.PublicKey, message, signature []byte) bool {
	switch public := public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(public, message, signature)
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(message)
		return ecdsa.VerifyASN1(public, digest[:], signature)
	}
	return false
}

// hint names a key in a bundle as cosign does. Nobody has to believe it.
func hint(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	digest := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(digest[:]), err
}

func parsePublicKey(text string) (crypto.PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("it is not one public key in PEM form, -----BEGIN PUBLIC KEY-----")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key, checkKey(key)
}
