/**
 * `npm test [-- suite … -- jest's own options]`: a suite is a folder (or a file) of tests. Gets the servers that are missing where it may,
 * runs jest, ends what was started, and fails on skipped tests as on failed ones.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUN_DIRECTORY, unproven, type Left } from "#testing";
import { binaryOf, dockerRuns, KINDS } from "../testing/servers/kinds.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Debian's packages of the servers that nothing here provides. */
const missingPackages = (): string[] => {
  const missing = Object.values(KINDS).flatMap((kind) =>
    kind.debianPackage !== undefined && process.env[kind.urlVariable] === undefined && binaryOf(kind) === undefined
      ? [kind.debianPackage]
      : [],
  );
  return missing.length === 0 || dockerRuns() ? [] : missing;
};

const provideServers = (): void => {
  const packages = missingPackages();
  if (packages.length === 0) return;
  const install = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  const ways = `${install} — or start Docker, or set ${Object.values(KINDS)
    .map((kind) => kind.urlVariable)
    .join(", ")}`;
  if (process.getuid?.() !== 0 || spawnSync("apt-get", ["--version"]).error !== undefined) {
    say(`Servers for the tests are missing: ${packages.join(", ")}. Get them with: ${ways}`);
    process.exit(1);
  }
  say(`Installing the servers for the tests: ${packages.join(", ")}`);
  const options = {
    stdio: "inherit",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
  } as const;
  spawnSync("apt-get", ["update", "-qq"], options);
  if (spawnSync("apt-get", install.split(" ").slice(1), options).status !== 0) {
    say(`The servers could not be installed. Get them with: ${ways}`);
    process.exit(1);
  }
};

const endLeftovers = (run: string): void => {
  for (const name of readdirSync(run).filter((file) => file.endsWith(".left"))) {
    const { pid, container, directory }: Left = JSON.parse(readFileSync(join(run, name), "utf8"));
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
    if (container !== undefined) spawnSync("docker", ["rm", "-f", "-v", container]);
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
  rmSync(run, { recursive: true, force: true });
};

provideServers();
const run = mkdtempSync(join(tmpdir(), "realtime-run-"));
const report = join(run, "report.json");
process.on("SIGINT", () => undefined);
const jest = spawnSync(
  process.execPath,
  [
    "node_modules/jest/bin/jest.js",
    "--config",
    "jest.config.json",
    "--json",
    `--outputFile=${report}`,
    ...process.argv.slice(2).filter((argument) => argument !== "--"),
  ],
  {
    // jest prints its own lines on standard error; --json would repeat the report on standard output.
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      [RUN_DIRECTORY]: run,
      NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
    },
  },
);
let skipped = 0;
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = JSON.parse(
    readFileSync(report, "utf8"),
  );
  skipped = numPendingTests + numTodoTests;
  say(
    `${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
  );
} catch {
  say("0 passed, 1 failed");
}
for (const what of unproven(run)) say(`Not proven here: ${what}`);
endLeftovers(run);
if (skipped > 0)
  say(
    "Skipped tests are failures: a server that is missing is installed or named, a promise that is not made generates no test.",
  );
process.exit(jest.status === 0 && skipped === 0 ? 0 : 1);
