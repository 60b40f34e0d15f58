import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { eventually } from "../eventually.ts";
import { KINDS, type ServerKind } from "./kinds.ts";
import { RUN_DIRECTORY, startServer } from "./start.ts";

/**
 * A server for the whole run, started by whoever asks first; use names of your own in it and never stop it.
 * With the kind's URL variable set it is that server. `file`: one for that test file alone. FerretDB needs it: once clients were killed in the
 * middle of what it did for them it may keep an old snapshot of its database, and refuse for ever what comes after.
 */
export const sharedServer = async (name: ServerKind, file = ""): Promise<{ uri: string }> => {
  const given = process.env[KINDS[name].urlVariable];
  if (given !== undefined) return { uri: given };
  const run = process.env[RUN_DIRECTORY];
  if (run === undefined) throw new Error(`${RUN_DIRECTORY} is not set: run the tests with npm test -- <folder>`);
  const notes = join(run, `${name}${basename(file)}`);
  try {
    mkdirSync(`${notes}.lock`);
    const { uri } = await startServer(name).catch((error: unknown) => {
      writeFileSync(`${notes}.failed`, String(error));
      throw error;
    });
    writeFileSync(`${notes}.new`, JSON.stringify({ uri }));
    renameSync(`${notes}.new`, `${notes}.json`);
  } catch (error) {
    // Jest's own `Error` is not the file system's: no instanceof.
    if (!(typeof error === "object" && error !== null && "code" in error && error.code === "EEXIST")) throw error;
  }
  return eventually(
    () => {
      if (existsSync(`${notes}.failed`)) return Promise.reject(new Error(readFileSync(`${notes}.failed`, "utf8")));
      return JSON.parse(readFileSync(`${notes}.json`, "utf8")) as { uri: string };
    },
    { timeoutMs: 120_000, everyMs: 100 },
  );
};
