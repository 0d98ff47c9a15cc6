// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package module

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// Where the journal keeps its objects in Caddy's storage. Their keys tell no
// names, but the objects of locked users do: the list of locked users needs
// them. Who may read them is decided by Caddy's storage: with the default one
// they are files that only Caddy's user may read.
const (
	journalFolder   = "lockout/embedded"
	usersFolder     = journalFolder + "/users"
	policiesFolder  = journalFolder + "/policies"
	snapshotKey     = journalFolder + "/counters"
	damagedFolder   = journalFolder + "/damaged"
	outdatedFolder  = journalFolder + "/outdated"
	journalFormat   = "caddy-lockout"
	journalVersion  = 1
	damagedRemedy   = "what it said is not in force: lock the user, set the policy again, or put back a good copy and restart"
	outdatedMessage = "an object of an earlier store was set aside: this storage now holds what the running store says"
)

// userObject is the state of a user at his last lock or unlock.
type userObject struct {
	// Number orders objects and snapshots: of a user, the higher one counts.
	Number       uint64            `json:"number"`
	Instance     string            `json:"instance"`
	Organization string            `json:"organization"`
	User         string            `json:"user"`
	Lock         string            `json:"lock,omitempty"`
	Counters     map[string]string `json:"counters,omitempty"`
	Expires      time.Time         `json:"expires,omitzero"`
}

// policyObject is a policy, or that there is none any more.
type policyObject struct {
	Number       uint64            `json:"number"`
	Instance     string            `json:"instance"`
	Organization string            `json:"organization,omitempty"`
	Sequence     uint64            `json:"sequence"`
	Policy       map[string]string `json:"policy,omitempty"`
}

// snapshotObject is the counters of all users.
type snapshotObject struct {
	Number    uint64                      `json:"number"`
	Instances map[string]snapshotInstance `json:"instances"`
}

type snapshotInstance struct {
	// Sequence is that of the policies.
	Sequence uint64                  `json:"sequence,omitempty"`
	Users    map[string]snapshotUser `json:"users,omitempty"` // by key of the store
}

type snapshotUser struct {
	Counters map[string]string `json:"counters"`
	Expires  time.Time         `json:"expires,omitzero"`
}

// objectKey is where the object of a target stands. Digests are hexadecimal:
// not every file system tells upper case from lower.
func (t target) objectKey() string {
	sum := sha256.Sum256([]byte(t.key))
	folder := policiesFolder
	if t.user != nil {
		folder = usersFolder
	}
	return folder + "/" + hex.EncodeToString(sum[:16])
}

var objectName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// isObject tells objects from the temporary files that a storage makes beside
// them.
func isObject(key string) bool { return objectName.MatchString(path.Base(key)) }

var errObject = errors.New("object is damaged or of another version")

// encodeObject puts a line with version and checksum before the JSON.
func encodeObject(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding an object of the journal: %w", err)
	}
	sum := sha256.Sum256(text)
	head := journalFormat + " " + strconv.Itoa(journalVersion) + " " + hex.EncodeToString(sum[:]) + "\n"
	return append([]byte(head), text...), nil
}

// decodeObject is the reverse. The error wraps errObject.
func decodeObject(data []byte, v any) error {
	head, text, ok := bytes.Cut(data, []byte("\n"))
	parts := bytes.Fields(head)
	if !ok || len(parts) != 3 || string(parts[0]) != journalFormat {
		return fmt.Errorf("%w: it does not begin with %q, version and checksum", errObject, journalFormat)
	}
	if string(parts[1]) != strconv.Itoa(journalVersion) {
		return fmt.Errorf("%w: version %q, this program reads %d", errObject, parts[1], journalVersion)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != string(parts[2]) {
		return fmt.Errorf("%w: the checksum does not match", errObject)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %w", errObject, err)
	}
	return nil
}

// setAside moves an object into another folder, where nobody reads it.
func setAside(ctx context.Context, storage certmagic.Storage, key, folder string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	data, err := storage.Load(ctx, key)
	if err != nil {
		return "", fmt.Errorf("setting aside %s: %w", key, err)
	}
	sum := sha256.Sum256(data)
	to := folder + "/" + path.Base(path.Dir(key)) + "-" + path.Base(key) + "-" + hex.EncodeToString(sum[:4])
	if err := storage.Store(ctx, to, data); err != nil {
		return "", fmt.Errorf("setting aside %s: %w", key, err)
	}
	if err := storage.Delete(ctx, key); err != nil {
		return "", fmt.Errorf("setting aside %s: %w", key, err)
	}
	return to, nil
}

// setDamagedAside comes before everything that is written, which might
// overwrite a damaged object.
func (j *journal) setDamagedAside(ctx context.Context, storage certmagic.Storage) error {
	for key, cause := range j.damaged {
		to, err := setAside(ctx, storage, key, damagedFolder)
		if err != nil {
			return err
		}
		delete(j.damaged, key)
		backendLog().Error("a damaged object of the embedded store was set aside; "+damagedRemedy,
			zap.String("storage_key", key), zap.String("moved_to", to), zap.Error(cause))
	}
	return nil
}
