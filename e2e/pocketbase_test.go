// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // the tables that Bootstrap expects
	"golang.org/x/crypto/bcrypt"
)

// loginPath is where PocketBase checks a password.
const loginPath = "/api/collections/users/auth-with-password"

// user is an account of the login service.
type user struct{ Identity, Password string }

// pocketBase is a PocketBase in the process of the test. It notes every login
// request that reaches it, so that a test can compare what was sent with what
// arrived.
type pocketBase struct {
	URL        string
	Alice, Bob user

	app core.App

	mu       sync.Mutex
	arrived  int
	statuses []int
	codes    map[string]string // sent by mail, by address
	checks   int               // of codes
}

// startPocketBase starts a PocketBase with two users on a free port. It sends
// no mail, keeps its data in a directory of the test and is closed with it.
func startPocketBase(t *testing.T) *pocketBase {
	t.Helper()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir()})
	if err := app.Bootstrap(); err != nil {
		t.Fatalf("starting PocketBase: %v", err)
	}
	t.Cleanup(func() {
		// Terminate stops the goroutine that writes PocketBase's log.
		err := app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(e *core.TerminateEvent) error {
			return e.App.ResetBootstrapState()
		})
		if err != nil {
			t.Errorf("closing PocketBase: %v", err)
		}
	})
	if err := app.RunAllMigrations(); err != nil {
		t.Fatalf("migrating PocketBase: %v", err)
	}
	// Without a log no write to the database outlives a request.
	app.Settings().Logs.MaxDays = 0

	pb := &pocketBase{
		app: app,

		Alice: user{"alice@example.test", "alice-Pass1!"},
		Bob:   user{"bob@example.test", "bob-Pass1!"},
	}
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatalf("finding the users of PocketBase: %v", err)
	}
	users.AuthAlert.Enabled = false
	// The race detector makes bcrypt slow, and how hard it is makes no difference here.
	users.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField).Cost = bcrypt.MinCost
	if err := app.Save(users); err != nil {
		t.Fatalf("setting up the users of PocketBase: %v", err)
	}
	pb.add(t, pb.Alice, pb.Bob)

	router, err := apis.NewRouter(app)
	if err != nil {
		t.Fatalf("building the router of PocketBase: %v", err)
	}
	mux, err := router.BuildMux()
	if err != nil {
		t.Fatalf("building the mux of PocketBase: %v", err)
	}
	server := httptest.NewServer(pb.observe(mux))
	t.Cleanup(server.Close)
	pb.URL = server.URL
	return pb
}

// add makes accounts.
func (pb *pocketBase) add(t *testing.T, accounts ...user) {
	t.Helper()
	users, err := pb.app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatalf("finding the users of PocketBase: %v", err)
	}
	for _, u := range accounts {
		record := core.NewRecord(users)
		record.SetEmail(u.Identity)
		record.SetPassword(u.Password)
		record.SetVerified(true)
		if err := pb.app.Save(record); err != nil {
			t.Fatalf("adding %s to PocketBase: %v", u.Identity, err)
		}
	}
}

// observe notes the logins that pass to next.
func (pb *pocketBase) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/auth-with-otp") {
			pb.mu.Lock()
			pb.checks++
			pb.mu.Unlock()
		}
		if !strings.HasSuffix(r.URL.Path, "/auth-with-password") {
			next.ServeHTTP(w, r)
			return
		}
		pb.mu.Lock()
		pb.arrived++
		pb.mu.Unlock()

		sw := &statusWriter{ResponseWriter: w}
		defer func() {
			pb.mu.Lock()
			pb.statuses = append(pb.statuses, sw.status)
			pb.mu.Unlock()
		}()
		next.ServeHTTP(sw, r)
	})
}

// Arrived returns how many login requests have reached PocketBase.
func (pb *pocketBase) Arrived() int {
	pb.mu.Lock()
	defer pb.mu.Unlock()
	return pb.arrived
}

// Statuses returns the status of every login that PocketBase has answered, in
// the order of the answers: 200 is a right password, 400 a wrong one, 0 no
// answer at all.
func (pb *pocketBase) Statuses() []int {
	pb.mu.Lock()
	defer pb.mu.Unlock()
	return slices.Clone(pb.statuses)
}

// statusWriter remembers the status that is sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer of the server.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// login sends a login to the PocketBase behind base and returns the answer.
func login(t *testing.T, base string, u user) (status int, body string) {
	t.Helper()
	in, err := json.Marshal(map[string]string{"identity": u.Identity, "password": u.Password})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+loginPath, bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("logging in as %s: %v", u.Identity, err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer to %s: %v", u.Identity, err)
	}
	return resp.StatusCode, string(out)
}

// wrong returns the user with a password that is not theirs.
func (u user) wrong() user { return user{u.Identity, u.Password + "x"} }

// expectLogin logs in and fails the test when the status is another.
func expectLogin(t *testing.T, base string, u user, want int) {
	t.Helper()
	if got, body := login(t, base, u); got != want {
		t.Fatalf("login of %s with %q: status %d, want %d: %s", u.Identity, u.Password, got, want, body)
	}
}

func TestPocketBaseChecksPasswords(t *testing.T) {
	pb := startPocketBase(t)

	expectLogin(t, pb.URL, pb.Alice, http.StatusOK)
	expectLogin(t, pb.URL, pb.Alice.wrong(), http.StatusBadRequest)
	expectLogin(t, pb.URL, pb.Bob, http.StatusOK)
	expectLogin(t, pb.URL, user{"nobody@example.test", "x"}, http.StatusBadRequest)

	if got, want := pb.Statuses(), []int{200, 400, 200, 400}; !slices.Equal(got, want) {
		t.Errorf("PocketBase noted the statuses %v, want %v", got, want)
	}
	if got := pb.Arrived(); got != 4 {
		t.Errorf("PocketBase noted %d logins, want 4", got)
	}
}
