// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"os"
	"os/exec"
	"testing"
)

// systemPython is the Python that Debian's packages are for.
const systemPython = "/usr/bin/python3"

// startPython runs a Python program that needs modules of Debian, until the test
// ends. It returns when somebody answers at url.
func startPython(t *testing.T, url string, modules []string, args ...string) *process {
	t.Helper()
	for _, module := range modules {
		if err := exec.CommandContext(t.Context(), systemPython, "-c", "import "+module).Run(); err != nil {
			t.Skipf("%s has no module %s; ./xcaddy.sh test installs it", systemPython, module)
		}
	}
	cmd := exec.Command(systemPython, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	p := start(t, cmd)
	p.wait(t, func() bool { return answers(url) })
	return p
}
