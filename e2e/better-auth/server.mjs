// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// A better-auth in memory, on a port of 127.0.0.1. Each name behind the port is
// a user with a second factor, who may log in by that name, with _ instead of -.
// Instead of names there may be a list of accounts as JSON; only those with Codes
// have a second factor then. Standard output gets a line for each user, and one
// for each code that would be mailed.
import http from 'node:http'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { twoFactor, username } from 'better-auth/plugins'

const [port, ...names] = process.argv.slice(2)
const tell = (line) => console.log(JSON.stringify(line))
const accounts = names[0]?.startsWith('[')
  ? JSON.parse(names[0]).map((a) => ({ name: a.Name, email: a.Email, password: a.Secret, codes: a.Codes }))
  : names.map((name) => ({ name, email: `${name}@example.test`, password: 'wonderland-1865', codes: true }))

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: 'a secret of the tests, long enough for all',
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], twoFactor: [], rateLimit: [] }),
  trustedOrigins: ['http://127.0.0.1:*'],
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  emailAndPassword: { enabled: true },
  user: { deleteUser: { enabled: true } },
  plugins: [
    username(),
    twoFactor({
      skipVerificationOnEnable: true,
      otpOptions: { sendOTP: async ({ user, otp }) => tell({ mail: user.email, code: otp }) },
    }),
  ],
})

http.createServer(toNodeHandler(auth)).listen(Number(port), '127.0.0.1', async () => {
  for (const { name, email, password, codes } of accounts) {
    await auth.api.signUpEmail({ body: { name, email, password, username: name.replace('-', '_') } })
    if (!codes) continue
    const { headers } = await auth.api.signInEmail({ body: { email, password }, returnHeaders: true })
    const cookie = headers.getSetCookie().map((c) => c.split(';')[0]).join('; ')
    const { totpURI, backupCodes } = await auth.api.enableTwoFactor({ body: { password }, headers: new Headers({ cookie }) })
    tell({ user: email, totpURI, backupCodes })
  }
  tell({ ready: true })
})
