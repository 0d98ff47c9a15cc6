// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// Runs the SDK in Node: node node.mjs <address> <token>, over gRPC as it comes
// and over gRPC-web.
import { NewAuthorizationBearerInterceptor } from "@zitadel/client";
import { createServerTransport } from "@zitadel/client/node";
import { createClientTransport } from "@zitadel/client/web";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { createManagementServiceClient } from "@zitadel/client/v1";
import { exercise } from "./sdk.mjs";

const [baseUrl, token] = process.argv.slice(2);
const interceptors = [NewAuthorizationBearerInterceptor(token)];
const transports = {
  "gRPC": createServerTransport(token, { baseUrl }),
  "gRPC-web, HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1", interceptors }),
  "gRPC-web, HTTP/2": createGrpcWebTransport({ baseUrl, httpVersion: "2", interceptors }),
};
for (const [name, transport] of Object.entries(transports)) {
  const called = await exercise(transport, `user of ${name}`.toLowerCase());
  console.log(`${name}: ${called.length} calls`);
}
for (const [name, transport] of Object.entries({
  "gRPC": createServerTransport("wrong", { baseUrl }),
  "gRPC-web": createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
})) {
  const problem = await createManagementServiceClient(transport).getLockoutPolicy({}).catch((problem) => problem);
  console.log(`${name} without a right token: ${problem.message}`);
}
process.exit(0);
