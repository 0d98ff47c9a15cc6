// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Runs the SDK in a web page, whose address says where the API is and with
// which token, and tells its own site how it went.
import { createClientTransport } from "@zitadel/client/web";
import { exercise } from "./sdk.mjs";

const asked = new URLSearchParams(location.search);
let outcome;
try {
  const called = await exercise(createClientTransport(asked.get("token"), { baseUrl: asked.get("api") }), "user of a page");
  outcome = `${called.length} calls`;
} catch (problem) {
  outcome = `failed: ${problem}`;
}
await fetch("/outcome", { method: "POST", body: outcome });
