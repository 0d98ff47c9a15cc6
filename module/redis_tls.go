// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// RedisTLS says how TLS to Redis is made. An empty one trusts the authorities
// of the system.
type RedisTLS struct {
	// A PEM file with the authorities that are trusted instead of the system's.
	CA string `json:"ca,omitempty"`

	// A PEM file with the certificate that this client shows. Default: none.
	Certificate string `json:"certificate,omitempty"`

	// A PEM file with the key of the certificate.
	Key string `json:"key,omitempty"`

	// The name that the certificates of the servers must hold. Default: the
	// host of the address.
	ServerName string `json:"server_name,omitempty"`

	// Trusts any certificate: whoever sits in between reads the password and
	// can unlock. Default: false.
	InsecureSkipVerify bool `json:"insecure_skip_verify,omitempty"`
}

// secured is a configuration of TLS and the sum of the files that it was read
// from.
type secured struct {
	config *tls.Config
	sum    []byte
}

func (t *RedisTLS) check() error {
	if (t.Certificate == "") != (t.Key == "") {
		return errors.New("checking redis tls: a certificate needs its key, and a key its certificate")
	}
	if t.InsecureSkipVerify && (t.CA != "" || t.ServerName != "") {
		return errors.New("checking redis tls: insecure_skip_verify looks at no certificate; remove it, or remove ca and server_name")
	}
	return nil
}

// texts adds what may hold placeholders.
func (t *RedisTLS) texts(to map[string]*string) {
	to["tls ca"], to["tls certificate"], to["tls key"], to["tls server_name"] = &t.CA, &t.Certificate, &t.Key, &t.ServerName
}

// load reads the files.
func (t *RedisTLS) load() (secured, error) {
	if t == nil {
		return secured{}, nil
	}
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.InsecureSkipVerify, //nolint:gosec // G402: the operator wrote it out
	}
	sum := sha256.New()
	read := func(what, file string) ([]byte, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading redis tls %s: %w", what, err)
		}
		_, _ = sum.Write(text) // never fails
		return text, nil
	}
	if t.CA != "" {
		text, err := read("ca", t.CA)
		if err != nil {
			return secured{}, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return secured{}, fmt.Errorf("reading redis tls ca: %s holds no certificate in PEM", t.CA)
		}
	}
	if t.Certificate != "" {
		certificate, err := read("certificate", t.Certificate)
		if err != nil {
			return secured{}, err
		}
		key, err := read("key", t.Key)
		if err != nil {
			return secured{}, err
		}
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return secured{}, fmt.Errorf("reading redis tls certificate %s with key %s: %w", t.Certificate, t.Key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return secured{config: config, sum: sum.Sum(nil)}, nil
}
