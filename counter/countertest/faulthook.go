// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package countertest

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// faultHook breaks the calls of one client. It stands above go-redis' own
// retries: what it breaks, only the counter can mend.
type faultHook struct {
	mu    sync.Mutex
	rules []*fault
	cuts  int            // calls that were broken
	runs  map[string]int // scripts that the store ran, by operation
}

// fault breaks the next calls of an operation.
type fault struct {
	op    string
	times int
	// lose runs the script and loses its answer; otherwise it does not run.
	lose bool
	// slow runs the script and lets its answer through when after has run.
	slow bool
	// after runs behind an answer, before the counter hears of it.
	after func()
	// late, if set, gets a function that runs the script after all and returns
	// its answer.
	late chan<- func() (any, error)
}

// errCut is what a client sees of a broken connection.
var errCut = &net.OpError{Op: "read", Net: "tcp", Err: io.EOF}

func (h *faultHook) add(f fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = append(h.rules, &f)
}

// mend ends all faults.
func (h *faultHook) mend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = nil
}

// broken returns how many calls were broken.
func (h *faultHook) broken() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cuts
}

// ran returns how often the store ran an operation for this client.
func (h *faultHook) ran(op string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.runs[op]
}

// match returns the fault that breaks a call of the operation.
func (h *faultHook) match(op string) *fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.rules {
		if f.op == op && f.times > 0 {
			f.times--
			h.cuts++
			return f
		}
	}
	return nil
}

// unmatch gives back a fault that met a script the store did not know.
func (h *faultHook) unmatch(f *fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.times++
}

func (h *faultHook) count(op string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.runs == nil {
		h.runs = map[string]int{}
	}
	h.runs[op]++
}

// operation tells a script by its arguments, see the head of each.
func operation(cmd redis.Cmder) string {
	args := cmd.Args()
	if name := strings.ToLower(cmd.Name()); name != "eval" && name != "evalsha" {
		return ""
	}
	keys, _ := args[2].(int)
	argv := args[3+keys:]
	switch {
	case len(argv) == 1:
		return "state"
	case len(argv) == 6 && argv[5] == "admin":
		return "admin"
	}
	if _, settle := argv[4].(int); settle {
		return "settle"
	}
	if _, reserve := argv[6].(int); reserve {
		return "reserve"
	}
	if len(argv) == 8 {
		return "link"
	}
	return "merge"
}

func (h *faultHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *faultHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h.process(cmd, func() error { return next(ctx, cmd) }, func() (any, error) {
			again := redis.NewCmd(context.Background(), cmd.Args()...)
			err := next(context.Background(), again)
			return again.Val(), err
		})
	}
}

func (h *faultHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		// A pipeline of the counter is settles, or reads of a list.
		return h.process(cmds[0], func() error { return next(ctx, cmds) }, nil, cmds[1:]...)
	}
}

// keep keeps a call for later, if that is the fault.
func (f *fault) keep(late func() (any, error)) {
	if f.late != nil {
		f.late <- late
	}
}

// process runs one call, or breaks it.
func (h *faultHook) process(cmd redis.Cmder, run func() error, late func() (any, error), others ...redis.Cmder) error {
	op := operation(cmd)
	if op == "" {
		return run()
	}
	f := h.match(op)
	if f != nil && !f.lose && !f.slow {
		f.keep(late)
		cmd.SetErr(errCut)
		for _, c := range others {
			c.SetErr(errCut)
		}
		return errCut
	}
	err := run()
	if unknown(err) {
		if f != nil {
			h.unmatch(f)
		}
		return err
	}
	h.count(op)
	if f == nil {
		return err
	}
	f.keep(late) // not before: a script that the store did not know comes again
	if f.after != nil {
		f.after()
	}
	if f.slow {
		return err
	}
	cmd.SetErr(errCut)
	for _, c := range others {
		c.SetErr(errCut)
	}
	return errCut
}

// runLate runs a call that was held back. A case beside this one may have made
// the store forget all scripts meanwhile: then another call brings them again.
func (n *node) runLate(late func() (any, error)) (any, error) {
	for {
		answer, err := late()
		if !unknown(err) {
			return answer, err
		}
		n.begin(n.b.user(), 1).voids()
	}
}

func unknown(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }

// isCut reports whether the error is the fault of a hook.
func isCut(err error) bool { return errors.Is(err, io.EOF) }
