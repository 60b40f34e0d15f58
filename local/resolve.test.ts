import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Role } from "#operator";
import { resolveEnvironment } from "./resolve.ts";
import { stateDirectory } from "./state-directory.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "realtime-resolve-"));
  await mkdir(join(home, ".secrets/orders"), { recursive: true });
  await writeFile(join(home, ".secrets/orders/url"), "postgres://x\n");
  await writeFile(join(home, ".secrets/orders/user"), "ada\n");
});
afterEach(() => rm(home, { recursive: true, force: true }));

const resolve = (change: Partial<Role>, inherited: NodeJS.ProcessEnv = {}) => {
  const role: Role = {
    role: "worker",
    name: "worker-a",
    count: 1,
    command: [],
    env: {},
    userEnv: [],
    userEnvFrom: [],
    configHash: "",
    ports: [],
    graceSeconds: 1,
    needs: [],
    roll: "surge",
    ...change,
  };
  const directory = stateDirectory(home, "chat");
  return resolveEnvironment(role, { directory, instance: "chat-worker-a-0", port: () => 7, inherited, host: "::1" });
};
const secretKeyRef = (key: string, rest: object = {}) => ({ secretKeyRef: { name: "orders", key, ...rest } });

test("references are the paths and numbers of this machine", async () => {
  const env = await resolve({
    env: {
      A: "text",
      B: { server: "hub" },
      C: { server: "redis", ofSecret: "cache" },
      D: { secret: "s", key: "k" },
      E: { secretDir: "s" },
      F: { port: "probes" },
      G: { file: "config" },
      H: { generated: "session-key" },
    },
  });
  const state = join(home, ".realtime/chat");
  expect(env).toMatchObject({
    A: "text",
    B: join(state, "servers/hub"),
    C: join(home, ".secrets/cache"),
    D: join(home, ".secrets/s/k"),
    E: join(home, ".secrets/s"),
    F: "7",
    G: join(state, "config.json"),
    H: join(state, "session-key"),
    INSTANCE: "chat-worker-a-0",
    HOST: "::1",
  });
});

describe("the user's own variables, as in a pod", () => {
  const cases: [string, Partial<Role>, object][] = [
    ["a value", { userEnv: [{ name: "A", value: "1" }] }, { A: "1" }],
    ["no value", { userEnv: [{ name: "A" }] }, { A: "" }],
    ["a Secret's key", { userEnv: [{ name: "A", valueFrom: secretKeyRef("url") }] }, { A: "postgres://x" }],
    [
      "all of a Secret",
      { userEnvFrom: [{ secretRef: { name: "orders" }, prefix: "DB_" }] },
      { DB_url: "postgres://x", DB_user: "ada" },
    ],
    [
      "the instance's name",
      { userEnv: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] },
      { A: "chat-worker-a-0" },
    ],
    [
      "one inside another",
      {
        userEnv: [
          { name: "A", value: "1" },
          { name: "B", value: "$(A)-$$(A)-$(C)" },
        ],
      },
      { B: "1-$(A)-$(C)" },
    ],
    ["not over ours", { env: { STORE: "hub" }, userEnv: [{ name: "STORE", value: "mine" }] }, { STORE: "hub" }],
  ];
  test.each(cases)("%s", async (_given, role, expected) => {
    expect(await resolve(role)).toMatchObject(expected);
  });
  test("an optional key that is missing is left out", async () => {
    const env = await resolve({ userEnv: [{ name: "A", valueFrom: secretKeyRef("none", { optional: true }) }] });
    expect("A" in env).toBe(false);
  });
});

describe("what is missing is said", () => {
  const cases: [string, Partial<Role>, RegExp][] = [
    [
      "a key",
      { userEnv: [{ name: "A", valueFrom: secretKeyRef("none") }] },
      /env A: .*orders\/none is not there; write/,
    ],
    ["a Secret", { userEnvFrom: [{ secretRef: { name: "none" } }] }, /envFrom: .*none is not there/],
    [
      "a ConfigMap",
      { userEnv: [{ name: "A", valueFrom: { configMapKeyRef: { name: "m", key: "k" } } }] },
      /env A: there is no configMapKeyRef on a laptop/,
    ],
  ];
  test.each(cases)("%s", async (_given, role, message) => {
    await expect(resolve(role)).rejects.toThrow(message);
  });
});

test("what the shell has set is inherited, but for the contract's own names", async () => {
  const env = await resolve({}, { DATABASE_URL: "x", REDIS_DIR: "elsewhere", PORT: "1", npm_config_x: "1" });
  expect(env).toMatchObject({ DATABASE_URL: "x" });
  expect(env["REDIS_DIR"] ?? env["PORT"] ?? env["npm_config_x"]).toBeUndefined();
});
