// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // the tables that Bootstrap expects
	"golang.org/x/crypto/bcrypt"
)

// pocketBase is a PocketBase in the process of the test. Every account is there
// in three collections: users, members and superusers. In users the name is a
// user name as well.
type pocketBase struct {
	url string
	app core.App

	mu    sync.Mutex
	codes map[string]string // sent by mail, by address
}

// withCodes are users who need a code beside the password.
var withCodes = []string{"judy", "niaj", "olivia", "mallory"}

func startPocketBase(t *testing.T, people []account) *pocketBase {
	t.Helper()
	pb := &pocketBase{codes: map[string]string{}, app: core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir()})}
	done := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("starting PocketBase: %v", err)
		}
	}
	done(pb.app.Bootstrap())
	t.Cleanup(func() {
		// Terminate stops the goroutine that writes PocketBase's log.
		err := pb.app.OnTerminate().Trigger(&core.TerminateEvent{App: pb.app}, func(e *core.TerminateEvent) error {
			return e.App.ResetBootstrapState()
		})
		if err != nil {
			t.Errorf("closing PocketBase: %v", err)
		}
	})
	done(pb.app.RunAllMigrations())
	pb.app.Settings().Logs.MaxDays = 0 // no write outlives a request
	pb.app.Settings().Batch.Enabled, pb.app.Settings().Batch.MaxRequests, pb.app.Settings().Batch.Timeout = true, 10, 10

	users, err := pb.app.FindCollectionByNameOrId("users")
	done(err)
	users.Fields.Add(&core.TextField{Name: "username"})
	users.AddIndex("idx_username_users", true, "`username` COLLATE NOCASE", "`username` != ''")
	users.PasswordAuth.IdentityFields = []string{"email", "username"}
	users.OTP.Enabled, users.MFA.Enabled, users.MFA.Rule = true, true, "name = 'with codes'"
	rule := "name != 'not yet'"
	users.AuthRule = &rule
	members := core.NewAuthCollection("members")
	users.AuthAlert.Enabled, members.AuthAlert.Enabled = false, false
	superusers, err := pb.app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	done(err)
	superusers.OTP.Enabled, superusers.AuthAlert.Enabled = true, false
	for _, c := range []*core.Collection{users, members, superusers} {
		c.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField).Cost = bcrypt.MinCost // the race detector makes it slow
		done(pb.app.Save(c))
	}
	for _, a := range people {
		for _, c := range []*core.Collection{users, members, superusers} {
			record := core.NewRecord(c)
			record.SetEmail(a.Email)
			record.SetPassword(a.Secret)
			record.SetVerified(true)
			if c == users {
				record.Set("username", a.Name)
				for _, name := range withCodes {
					if a.Name == name {
						record.Set("name", "with codes")
					}
				}
			}
			done(pb.app.Save(record))
		}
	}
	pb.listen()
	router, err := apis.NewRouter(pb.app)
	done(err)
	mux, err := router.BuildMux()
	done(err)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	pb.url = server.URL
	return pb
}

// listen keeps codes, sends no mail, and lifts PocketBase's own limit of codes.
func (pb *pocketBase) listen() {
	pb.app.OnMailerSend().BindFunc(func(*core.MailerEvent) error { return nil })
	pb.app.OnRecordRequestOTPRequest().BindFunc(func(e *core.RecordCreateOTPRequestEvent) error {
		pb.app.Store().Remove("__pbRateLimiters__")
		if e.Record != nil {
			pb.mu.Lock()
			pb.codes[e.Record.Email()] = e.Password
			pb.mu.Unlock()
		}
		return e.Next()
	})
}

// code returns the last code that was sent to an account.
func (pb *pocketBase) code(a account) string {
	pb.mu.Lock()
	defer pb.mu.Unlock()
	return pb.codes[a.Email]
}
