import { describe, expect, test } from "@jest/globals";
import type { Pool } from "#crds";
import { poolOf } from "../testing/settings.ts";
import { admit } from "./admit.ts";
import { apiKeys, grantFor, grantOf, type Grant } from "./keys.ts";

describe("a key's name", () => {
  const cases: [string, Grant | undefined][] = [
    ["default", undefined],
    ["worker", undefined],
    ["workers-team", undefined],
    ["workers", "all"],
    ["workers_of_ada", "all"],
    ["worker.chat", new Set(["chat"])],
    ["worker.chat.mail-out_new", new Set(["chat", "mail-out"])],
  ];
  test.each(cases)("%s grants %p", (name, grant) => expect(grantOf(name)).toEqual(grant));

  test("a worker's key is none of the API's, and an API's none of a worker's", () => {
    const keys = { default: "a", "worker.chat": "b", workers: "c" };
    expect(apiKeys(keys)).toEqual(["a"]);
    expect(["a", "b", "c", ""].map((key) => grantFor(key, keys))).toEqual([
      undefined,
      new Set(["chat"]),
      "all",
      undefined,
    ]);
  });

  test("the same key under two names serves the pools of both", () => {
    expect(grantFor("b", { "worker.chat": "b", "worker.mail": "b" })).toEqual(new Set(["chat", "mail"]));
  });
});

describe("a worker's handshake", () => {
  const pools: Pool[] = [poolOf("chat", ["chat:*"]), poolOf("mail", ["mail:*"])];
  const keys = { default: "api", "worker.chat": "one", "worker.chat.gone": "two", workers: "all" };
  const given = { keys, pools, orderedHands: true };
  const names = (auth: unknown) => admit(auth, given).pools.map(({ name }) => name);

  test.each([
    ["serves what its key names", { key: "one" }, ["chat"]],
    ["serves every pool with a key for all", { key: "all" }, ["chat", "mail"]],
    ["serves those it asks for, each once", { key: "all", pools: ["mail", "mail"] }, ["mail"]],
  ])("%s", (_sentence, auth, then) => expect(names(auth)).toEqual(then));

  test("takes one at a time unless it says how many", () => {
    expect(admit({ key: "one" }, given)).toMatchObject({ credit: 1, name: "remote" });
    expect(admit({ key: "one", credit: 5, name: "ada" }, given)).toMatchObject({ credit: 5, name: "ada" });
  });

  test("of a pool with orderBy is refused where that breaks the order", () => {
    const ordered = { ...given, pools: [poolOf("chat", ["chat:*"], { orderBy: "user" })] };
    expect(admit({ key: "one" }, ordered).pools).toHaveLength(1);
    expect(() => admit({ key: "one" }, { ...ordered, orderedHands: false })).toThrow("only workers of ours");
  });

  test.each([
    ["without a key", {}, "Invalid input"],
    ["with a credit of 0", { key: "one", credit: 0 }, "Too small"],
    ["with a key of nobody's", { key: "none" }, "auth.key is no worker's"],
    ["with a key of the API's", { key: "api" }, "auth.key is no worker's"],
    ["for a pool that its key does not name", { key: "one", pools: ["mail"] }, "auth.key does not name the pool mail"],
    ["for a pool that there is not", { key: "two" }, "there is no pool gone"],
  ])("%s is refused", (_sentence, auth, message) => expect(() => names(auth)).toThrow(message));
});
