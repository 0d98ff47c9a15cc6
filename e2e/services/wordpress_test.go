// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWordPress(t *testing.T) {
	t.Parallel()
	run(t, wordPress)
}

var wordPress = service{
	preset: "wordpress",
	start:  startWordPress,
	login:  wordPressLogin,
	right:  func(a answer) bool { return a.setsCookie("wordpress_logged_in_") },
	wrong:  func(a answer) bool { return a.status == 200 && strings.Contains(a.body, "id=\"login_error\"") },
	spellings: func(a account) []string {
		upper, first := strings.ToUpper(a.Name), a.Name[:1]
		return []string{
			upper, " " + a.Name, a.Name + "  ", "\t" + a.Name, a.Name + "\u00a0", first + "\u0301" + a.Name[1:], "é" + a.Name[1:], "<b>" + a.Name + "</b>",
			a.Name + "%41", "&amp;" + a.Name, a.Name + "<!-- x -->", "\uff45" + a.Name[1:], first + "\u200b" + a.Name[1:],
			a.Name + "%4" + "<b>1", "%<b>41" + a.Name, a.Name + "\x00",
		}
	},
	doors: append(encodings("/wp-login.php", "log", "pwd", func(a account) string { return a.Name }, wordPressTestCookie), wordPressDoors()...),
	targets: []string{
		"/wp-login.php/", "/wp-login.php/x.css", "/wp-login.php/wp-admin/index.php", "/wp-login.php?action=lostpasswor", "/wp-login.php?action=x&interim-login=1",
		"/wp-login.php?reauth=1", "/wp-admin/../wp-login.php", "/%77p-login.php", "/index.php/wp-login.php", "/wp-login%2ephp", "/wp-login.php%2f", "/wp-login.php%3faction=login",
		"/wp-login.php?customize-login=1", "/wp-login.php?loggedout=true", "/wp-login.php?action=entered_recovery_mode",
	},
	passes: wordPressPasses,
	more:   wordPressMore,
}

func wordPressLogin(c *client, name, secret string) answer {
	c.get("/wp-login.php") // for the cookie that shows that there are cookies
	return c.form("/wp-login.php", "log", name, "pwd", secret, "wp-submit", "Log In", "redirect_to", c.base+"/wp-admin/", "testcookie", "1")
}

func wordPressTestCookie(c *client) []string {
	c.get("/wp-login.php")
	return []string{"testcookie", "1"}
}

// startWordPress installs WordPress into folders of the test.
func startWordPress(t *testing.T, people []account) string {
	root := filepath.Join(t.TempDir(), "wordpress")
	if err := os.CopyFS(root, os.DirFS(debian(t, "usr/share/wordpress"))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "wp-config.php"), strings.ReplaceAll(wordPressConfig, "SOCKET", startMariaDB(t)))
	write(t, filepath.Join(root, "router.php"), strings.ReplaceAll(phpRouter, "ROOT", root))
	write(t, filepath.Join(root, "wp-content", "mu-plugins", "mail.php"), wordPressMail)
	in, err := json.Marshal(people)
	if err != nil {
		t.Fatal(err)
	}
	php(t, root, wordPressInstall, string(in))
	return startPHP(t, root, filepath.Join(root, "router.php"))
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(file) // which may be a link
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

const wordPressConfig = `<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:SOCKET');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $name) {
	define($name, 'of a test '.$name);
}
define('WP_HOME', 'http://'.($_SERVER['HTTP_HOST'] ?? 'localhost'));
define('WP_SITEURL', WP_HOME);
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords without TLS
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__.'/');
require ABSPATH.'wp-settings.php';
`

// The service keeps the mails that it would send: an address answers with the
// last one to somebody. It is no part of WordPress.
const wordPressMail = `<?php
add_filter('pre_wp_mail', function ($null, $mail) {
	file_put_contents(ABSPATH.'mail-'.md5(implode(',', (array) $mail['to'])), $mail['message']);
	return true;
}, 10, 2);
if (isset($_GET['test_mail_of'])) {
	header('Content-Type: text/plain');
	readfile(ABSPATH.'mail-'.md5($_GET['test_mail_of']));
	exit;
}
`

const wordPressInstall = `
define('WP_INSTALLING', true);
preg_match("/localhost:([^']+)/", file_get_contents('wp-config.php'), $m);
mysqli_query(mysqli_connect('localhost', 'root', '', '', 0, $m[1]), 'CREATE DATABASE wordpress CHARACTER SET utf8mb4');
require 'wp-load.php';
require 'wp-admin/includes/upgrade.php';
wp_install('Test', 'admin', 'admin@example.test', true, '', 'Right-admin-1865');
foreach (json_decode($argv[1]) as $a) {
	$id = wp_insert_user(['user_login' => $a->Name, 'user_email' => $a->Email, 'user_pass' => $a->Secret, 'role' => 'editor']);
	if (is_wp_error($id)) { fwrite(STDERR, $id->get_error_message()); exit(1); }
}
update_option('users_can_register', 1);
wp_insert_post(['post_title' => 'secret', 'post_content' => 'x', 'post_status' => 'publish', 'post_password' => 'open', 'post_name' => 'secret']);
`
