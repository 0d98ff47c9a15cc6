// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// debian returns a folder of a Debian package that is installed, or that
// ./xcaddy.sh test has unpacked without installing it: the packages of web
// applications want a web server that nobody needs here.
func debian(t *testing.T, folder string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{"/", filepath.Join(cache, "caddy-lockout", "debian")} {
		found := filepath.Join(root, folder)
		if _, err := os.Stat(found); err == nil {
			return found
		}
	}
	t.Skipf("%s of a Debian package is missing; ./xcaddy.sh test gets it", folder)
	return ""
}

// need returns the path of a program, and skips the test without it.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if path, err = exec.LookPath(filepath.Join("/usr/sbin", program)); err != nil {
			t.Skipf("%s is missing; ./xcaddy.sh test installs it", program)
		}
	}
	return path
}

// phpOptions are those of every PHP here. Errors go to the log, not into pages.
var phpOptions = []string{
	"-d", "opcache.enable_cli=1", "-d", "display_errors=0", "-d", "log_errors=0", "-d", "sendmail_path=/bin/true",
	"-d", "request_order=GP", "-d", "variables_order=GPCS", "-d", "memory_limit=512M",
}

// startPHP serves a folder with PHP's own web server and returns its address.
// The router is a script that every request goes through first.
func startPHP(t *testing.T, root, router string, environment ...string) string {
	t.Helper()
	address := "127.0.0.1:" + freePort(t)
	cmd := exec.Command(need(t, "php"), append(phpOptions, "-S", address, "-t", root, router)...)
	cmd.Dir = root
	cmd.Env = append(append(os.Environ(), "PHP_CLI_SERVER_WORKERS=6"), environment...)
	start(t, cmd).wait(t, func() bool { return answers("http://" + address + "/lockout-test-is-it-up.txt") })
	return "http://" + address
}

// phpRouter is what a web server does that knows PHP: a path behind the name of
// a script is PATH_INFO, and everything that is no file is index.php.
const phpRouter = `<?php
$path = preg_replace('#/+#', '/', urldecode(parse_url('http://x'.$_SERVER['REQUEST_URI'], PHP_URL_PATH) ?: '/'));
if (str_contains($path, "\0")) { http_response_code(400); return true; }
$script = '/index.php';
if (preg_match('#^((?:/[^/]+)*?/[^/]+\.php)(/.*)?$#', $path, $m) && is_file('ROOT'.$m[1])) {
	$script = $m[1];
	if (isset($m[2])) $_SERVER['PATH_INFO'] = $m[2];
} elseif ($path !== '/' && is_dir('ROOT'.$path) && is_file('ROOT'.rtrim($path, '/').'/index.php')) {
	$script = rtrim($path, '/').'/index.php';
} elseif (is_file('ROOT'.$path)) {
	return false;
}
$_SERVER['SCRIPT_NAME'] = $script;
$_SERVER['PHP_SELF'] = $script.($_SERVER['PATH_INFO'] ?? '');
$_SERVER['SCRIPT_FILENAME'] = 'ROOT'.$script;
chdir(dirname('ROOT'.$script));
require 'ROOT'.$script;
return true;
`

// php runs a script with arguments in a folder and returns what it prints.
func php(t *testing.T, directory, script string, arguments ...string) string {
	t.Helper()
	args := append(append([]string{}, phpOptions...), "-r", script, "--")
	return output(t, directory, "", nil, need(t, "php"), append(args, arguments...)...)
}

// startMariaDB runs a database server without network until the test ends, and
// returns its socket. Everybody who may open it may do everything there, so it
// needs none of the tables that mariadb-install-db makes.
func startMariaDB(t *testing.T) (socket string) {
	t.Helper()
	server := need(t, "mariadbd")
	dir, err := os.MkdirTemp("", "lockout-db") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--no-defaults", "--skip-networking", "--skip-grant-tables",
		"--datadir=" + data, "--tmpdir=" + dir, "--pid-file=" + filepath.Join(dir, "pid"),
		"--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
	}
	if os.Getuid() == 0 {
		args = append(args, "--user=root")
	}
	socket = filepath.Join(dir, "sock")
	start(t, exec.Command(server, append(args, "--socket="+socket)...)).wait(t, func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	return socket
}
