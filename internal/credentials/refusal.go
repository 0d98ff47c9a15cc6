// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package credentials

import "net/http"

// Reason names the rule that refused a request. The set is closed, so a
// reason can be a metric label.
type Reason string

// The reasons, with the status that goes with each. ReasonTarget, ReasonMethod,
// ReasonGuarded and ReasonDenied are decided by the caller, from Match and its
// own configuration; all others come from this package.
const (
	// ReasonTarget: the target only folds onto a guarded path. 404
	ReasonTarget Reason = "target"
	// ReasonMethod: no step takes this method. 405
	ReasonMethod Reason = "method"
	// ReasonGuarded: the path is guarded and no step takes the request. 403
	ReasonGuarded Reason = "guarded"
	// ReasonDenied: a deny rule names the request. 403
	ReasonDenied Reason = "denied"
	// ReasonConnection: Connection or Upgrade would change the request after
	// it was read. 400
	ReasonConnection Reason = "connection"
	// ReasonDuplicateHeader: a header that takes part in the reading is there
	// twice, or in a second spelling. 400
	ReasonDuplicateHeader Reason = "duplicate_header"
	// ReasonContentType: not exactly one configured media type in UTF-8. 415
	ReasonContentType Reason = "content_type"
	// ReasonContentEncoding: the body is encoded. 415
	ReasonContentEncoding Reason = "content_encoding"
	// ReasonTooLarge: the body is over the limit. 413
	ReasonTooLarge Reason = "too_large"
	// ReasonQueryCredentials: the query names a credential field. 400
	ReasonQueryCredentials Reason = "query_credentials"
	// ReasonAmbiguous: a credential field is there twice, or in a spelling
	// that some reader takes for it. 400
	ReasonAmbiguous Reason = "ambiguous_credentials"
	// ReasonMalformedBody: the body is not strictly of its type. 400
	ReasonMalformedBody Reason = "malformed_body"
	// ReasonWrongType: a credential is not a string. 400
	ReasonWrongType Reason = "wrong_type"
	// ReasonMissingUser: no user name, or an empty one. 400
	ReasonMissingUser Reason = "missing_user"
	// ReasonMissingSecret: no secret, or an empty one. 400
	ReasonMissingSecret Reason = "missing_secret"
	// ReasonBadName: the user name has no canonical form. 400
	ReasonBadName Reason = "bad_name"
	// ReasonBadSecret: the secret holds control characters. 400
	ReasonBadSecret Reason = "bad_secret"
	// ReasonFactor: the field that names the kind of secret is missing, empty or
	// names none of the step's. 400
	ReasonFactor Reason = "factor"
	// ReasonUnknownKey: the key of a session leads to no user, or to more than
	// one session can have. 403
	ReasonUnknownKey Reason = "unknown_key"
	// ReasonUserPattern: the user name is none that the step takes. 400
	ReasonUserPattern Reason = "user_pattern"
	// ReasonMalformedQuery: the query is not strictly one. 400
	ReasonMalformedQuery Reason = "malformed_query"
	// ReasonMalformedPath: the path has no single reading as segments. 400
	ReasonMalformedPath Reason = "malformed_path"
	// ReasonMalformedHeader: a header or cookie that holds a credential has
	// more than one reading. 400
	ReasonMalformedHeader Reason = "malformed_header"
	// ReasonUnexpectedBody: there is a body where no step reads one. 400
	ReasonUnexpectedBody Reason = "unexpected_body"
	// ReasonSignedBody: a digest or signature of the body would not hold any
	// more once it is encoded anew. 400
	ReasonSignedBody Reason = "signed_body"
	// ReasonBadBasic: the Authorization header is not strictly Basic. 400
	ReasonBadBasic Reason = "bad_basic"
)

// Reasons returns all reasons, so that each can have a metric from the start.
func Reasons() []Reason {
	return []Reason{
		ReasonTarget, ReasonMethod, ReasonGuarded, ReasonDenied, ReasonConnection, ReasonDuplicateHeader, ReasonContentType, ReasonContentEncoding,
		ReasonTooLarge, ReasonQueryCredentials, ReasonAmbiguous, ReasonMalformedBody, ReasonWrongType, ReasonMissingUser,
		ReasonMissingSecret, ReasonBadName, ReasonBadSecret, ReasonFactor, ReasonUnknownKey, ReasonUserPattern, ReasonMalformedQuery, ReasonMalformedPath,
		ReasonMalformedHeader, ReasonUnexpectedBody, ReasonSignedBody, ReasonBadBasic,
	}
}

// Refusal says which rule refused a request and the status to answer with.
// Detail is a fixed sentence of this package: it never holds anything that
// the client sent.
type Refusal struct {
	Status int
	Reason Reason
	Detail string
}

// Error implements error.
func (r *Refusal) Error() string { return "refusing request: " + r.Detail }

// Refuse builds a refusal with the status of its reason. The detail must be a
// fixed sentence that repeats no input.
func Refuse(reason Reason, detail string) *Refusal {
	status := http.StatusBadRequest
	switch reason {
	case ReasonTarget:
		status = http.StatusNotFound
	case ReasonMethod:
		status = http.StatusMethodNotAllowed
	case ReasonGuarded, ReasonDenied, ReasonUnknownKey:
		status = http.StatusForbidden
	case ReasonContentType, ReasonContentEncoding:
		status = http.StatusUnsupportedMediaType
	case ReasonTooLarge:
		status = http.StatusRequestEntityTooLarge
	}
	return &Refusal{Status: status, Reason: reason, Detail: detail}
}

// Interface guards
var _ error = (*Refusal)(nil)
