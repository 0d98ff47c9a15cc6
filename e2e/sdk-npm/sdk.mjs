// Copyright 2026 The caddy-lockout authors
// SPDX-License-Identifier: Apache-2.0

// What a program does with the SDK: every call of the policy API, by whatever
// transport it is given. It throws at the first answer that is not as it must
// be, and returns what it has called.
import { createAdminServiceClient, createManagementServiceClient } from "@zitadel/client/v1";
import { createSettingsServiceClient, createUserServiceClient } from "@zitadel/client/v2";
import { Code, ConnectError } from "@connectrpc/connect";

export const organization = "sdk";

export async function exercise(transport, user) {
  const management = createManagementServiceClient(transport);
  const admin = createAdminServiceClient(transport);
  const settings = createSettingsServiceClient(transport);
  const users = createUserServiceClient(transport);
  const inside = { headers: { "x-zitadel-orgid": organization } };
  const called = [];

  async function call(name, promise) {
    called.push(name);
    return await promise;
  }
  async function refused(name, promise, code, id) {
    called.push(name);
    try {
      await promise;
    } catch (problem) {
      const error = ConnectError.from(problem);
      equal(name, error.code, code);
      if (!error.rawMessage.includes(id)) throw new Error(`${name}: message ${error.rawMessage}, want ${id}`);
      return;
    }
    throw new Error(`${name}: no error, want ${id}`);
  }
  function equal(what, got, want) {
    if (got !== want) throw new Error(`${what}: ${String(got)}, want ${String(want)}`);
  }
  function limits(what, policy, password, otp) {
    equal(`${what}: password`, policy.maxPasswordAttempts, password);
    equal(`${what}: otp`, policy.maxOtpAttempts, otp);
  }

  // The default of the instance.
  await call("update default", admin.updateLockoutPolicy({ maxPasswordAttempts: 20 + user.length, maxOtpAttempts: 21 }));
  const standard = (await call("get default, admin", admin.getLockoutPolicy({}))).policy;
  limits("default", standard, BigInt(20 + user.length), 21n);
  equal("default is default", standard.isDefault, true);
  await call("get default", management.getDefaultLockoutPolicy({}, inside));

  // A policy of the organization, up to the largest number and down to none.
  equal("no policy yet", (await call("get", management.getLockoutPolicy({}, inside))).isDefault, true);
  await refused("update none", management.updateCustomLockoutPolicy({}, inside), Code.NotFound, "ORG-ADfs1");
  const added = (await call("add", management.addCustomLockoutPolicy({ maxPasswordAttempts: 3, maxOtpAttempts: 4 }, inside))).details;
  equal("owner", added.resourceOwner, organization);
  await refused("add again", management.addCustomLockoutPolicy({}, inside), Code.AlreadyExists, "ORG-0olDf");
  limits("added", (await call("get", management.getLockoutPolicy({}, inside))).policy, 3n, 4n);
  const updated = (await call("update", management.updateCustomLockoutPolicy({ maxPasswordAttempts: 4294967295 }, inside))).details;
  equal("sequence rises by one", updated.sequence, added.sequence + 1n);
  limits("updated", (await call("get", management.getLockoutPolicy({}, inside))).policy, 4294967295n, 0n);
  await refused("update unchanged", management.updateCustomLockoutPolicy({ maxPasswordAttempts: 4294967295 }, inside), Code.FailedPrecondition, "ORG-0JFSr");
  const context = { ctx: { resourceOwner: { case: "orgId", value: organization } } };
  limits("settings", (await call("get, v2", settings.getLockoutSettings(context))).settings, 4294967295n, 0n);
  await call("reset", management.resetLockoutPolicyToDefault({}, inside));
  equal("reset", (await call("get", management.getLockoutPolicy({}, inside))).isDefault, true);
  await refused("reset none", management.resetLockoutPolicyToDefault({}, inside), Code.NotFound, "ORG-D4zuz");

  // A user of it.
  const listed = async () => {
    const queries = [{ query: { case: "stateQuery", value: { state: 4 } } }];
    const rows = await call("list", management.listUsers({ queries }, inside));
    return rows.result.map((row) => row.id).includes(user);
  };
  await call("lock", management.lockUser({ id: user }, inside));
  await refused("lock again", management.lockUser({ id: user }, inside), Code.FailedPrecondition, "COMMAND-3NN8v");
  equal("listed", await listed(), true);
  equal("state", (await call("get user", management.getUserByID({ id: user }, inside))).user.state, 4);
  const all = await call("list, v2", users.listUsers({ queries: [{ query: { case: "stateQuery", value: { state: 4 } } }] }));
  equal("listed by v2", all.result.some((row) => row.userId === user && row.details.resourceOwner === organization), true);
  await call("unlock", management.unlockUser({ id: user }, inside));
  equal("listed", await listed(), false);
  await call("lock, v2", users.lockUser({ userId: user }, inside));
  await call("unlock, v2", users.unlockUser({ userId: user }, inside));
  await refused("unlock again, v2", users.unlockUser({ userId: user }, inside), Code.FailedPrecondition, "COMMAND-olb9vb0oca");
  return called;
}
