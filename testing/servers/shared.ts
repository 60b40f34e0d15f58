import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../eventually.ts";
import { KINDS, type ServerKind } from "./kinds.ts";
import { RUN_DIRECTORY, startServer } from "./start.ts";

/**
 * A server for the whole run, started by whoever asks first; use names of your own in it and never stop it.
 * With the kind's URL variable set it is that server.
 */
export const sharedServer = async (name: ServerKind): Promise<{ uri: string }> => {
  const given = process.env[KINDS[name].urlVariable];
  if (given !== undefined) return { uri: given };
  const run = process.env[RUN_DIRECTORY];
  if (run === undefined) throw new Error(`${RUN_DIRECTORY} is not set: run the tests with npm test -- <folder>`);
  const file = join(run, `${name}.json`);
  try {
    mkdirSync(join(run, `${name}.lock`));
    const { uri } = await startServer(name).catch((error: unknown) => {
      writeFileSync(`${file}.failed`, String(error));
      throw error;
    });
    writeFileSync(`${file}.new`, JSON.stringify({ uri }));
    renameSync(`${file}.new`, file);
  } catch (error) {
    // Jest's own `Error` is not the file system's: no instanceof.
    if (!(typeof error === "object" && error !== null && "code" in error && error.code === "EEXIST")) throw error;
  }
  return eventually(
    () => {
      if (existsSync(`${file}.failed`)) return Promise.reject(new Error(readFileSync(`${file}.failed`, "utf8")));
      return JSON.parse(readFileSync(file, "utf8")) as { uri: string };
    },
    { timeoutMs: 120_000, everyMs: 100 },
  );
};
