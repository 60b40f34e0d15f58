import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RUN_DIRECTORY } from "./servers/start.ts";

const ENDING = ".unproven";

/** Says that a run cannot show `what`, for want of a server: one of the last lines of `npm test`. */
export const sayUnproven = (what: string): void => {
  const run = process.env[RUN_DIRECTORY];
  if (run !== undefined) writeFileSync(join(run, `${randomUUID()}${ENDING}`), what);
};

/** What was said so in a run, each once. */
export const unproven = (run: string): string[] => [
  ...new Set(
    readdirSync(run)
      .filter((name) => name.endsWith(ENDING))
      .map((name) => readFileSync(join(run, name), "utf8")),
  ),
];
