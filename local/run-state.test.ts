import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { claimRunState, readRunState, writeRunState, type RunState } from "./run-state.ts";
import { startOf } from "./start-of.ts";
import { stateDirectory, type StateDirectory } from "./state-directory.ts";

let home: string;
let directory: StateDirectory;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "realtime-state-"));
  directory = stateDirectory(home, "c");
});
afterEach(() => rm(home, { recursive: true, force: true }));

const aState = async (pid = process.pid): Promise<RunState> => ({
  pid,
  started: (await startOf(pid)) ?? "never",
  cluster: "c",
  file: "f",
  clients: 1,
  instances: [],
  conditions: [],
  scaling: [],
});

test("of those who start at the same time one has the place", async () => {
  const state = await aState();
  const claims = await Promise.all([1, 2, 3].map(() => claimRunState(directory, state)));
  expect(claims.filter(({ running }) => running === undefined)).toHaveLength(1);
  expect(await claimRunState(directory, state)).toEqual({ running: state, killed: false });
});

test("one that was killed leaves the place, also where its number is another process's by now", async () => {
  const state = await aState();
  await claimRunState(directory, state);
  await writeRunState(directory, { ...state, started: "long ago" });
  expect(await readRunState(directory)).toBeUndefined();
  expect(await claimRunState(directory, state)).toEqual({ running: undefined, killed: true });
  expect(await readRunState(directory)).toEqual(state);
});

test("a process that has ended has no start", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  const started = await startOf(child.pid ?? -1);
  expect(started).toMatch(/./);
  expect(await startOf(child.pid ?? -1)).toBe(started);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await startOf(child.pid ?? -1)).toBeUndefined();
});
