// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package policyapi

import (
	_ "embed" // the description
	"net/http"
)

// openAPI describes the REST API. It says nothing that is not published, so it
// needs no token: tools load it before they have one.
//
//go:embed openapi.json
var openAPI []byte

const openAPIPath = "/openapi.json"

func describe(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI)
}
