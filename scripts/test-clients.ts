/**
 * `npm run test:clients [-- jest's own options]`: clients that nobody here wrote, each in its own language. Gets their packages where they are not there yet;
 * what is missing is named, and with CI=true a failure.
 */
import { spawnSync } from "node:child_process";
import { KINDS, prepare, type KindName } from "../clients/kinds.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const names = Object.keys(KINDS) as KindName[];
const problems = new Map(names.map((name) => [name, prepare(name)]));
const found = names.filter((name) => problems.get(name) === undefined);
for (const problem of problems.values()) if (problem !== undefined) say(problem);
if (found.length < names.length && process.env["CI"] === "true") process.exit(1);

const { status } = spawnSync(
  process.execPath,
  [
    "node_modules/jest/bin/jest.js",
    "--config",
    "clients/jest.config.json",
    "--runInBand",
    ...process.argv.slice(2).filter((argument) => argument !== "--"),
  ],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      CLIENTS: found.join(" "),
      NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
    },
  },
);
process.exit(status ?? 1);
