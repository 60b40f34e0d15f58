/**
 * `npm test [-- suite … -- jest's own options]`: a suite is a folder (or a file) of tests. Gets the servers that are missing where it may,
 * runs jest, ends what was started, and fails on skipped tests as on failed ones.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RUN_DIRECTORY, unproven, type Left } from "#testing";
import { binaryOf, dockerRuns, KINDS, type Kind } from "../testing/servers/kinds.ts";
import { provedBy, provedPage, staleClaims } from "./proved.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const isProvided = (kind: Kind): boolean => process.env[kind.urlVariable] !== undefined || binaryOf(kind) !== undefined;

/** Debian's packages of the servers that nothing here provides. */
const missingPackages = (): string[] => {
  const missing = Object.values(KINDS).filter((kind) => kind.debianPackage !== undefined && !isProvided(kind));
  return missing.length === 0 || dockerRuns() ? [] : missing.flatMap(({ debianPackage = [] }) => debianPackage);
};

/** A kind that no package has and that is not here: its tests are not generated. CI must have it. */
const withoutMongo = (): boolean => {
  const { urlVariable, image } = KINDS.mongo;
  if (isProvided(KINDS.mongo) || (dockerRuns() && spawnSync("docker", ["pull", "-q", image]).status === 0))
    return false;
  say(
    `No MongoDB for the tests, which go on without those that need one. Get it with: mongod or ferretdb on the path, Docker with image ${image}, or ${urlVariable}=… for a server that runs`,
  );
  if (process.env["CI"] === "true") process.exit(1);
  return true;
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
const without = withoutMongo();
const run = mkdtempSync(join(tmpdir(), "realtime-run-"));
process.on("SIGINT", () => undefined);
const own: { testPathIgnorePatterns: string[] } = JSON.parse(readFileSync("jest.config.json", "utf8"));
/** FerretDB's locks time out where it shares the machine with another file's processes: what needs a MongoDB runs by itself, afterwards. */
const passes = [
  {
    name: "all",
    config: { testPathIgnorePatterns: [...own.testPathIgnorePatterns, String.raw`mongo\.test\.ts$`] },
    options: [],
  },
  ...(without
    ? []
    : [{ name: "mongo", config: { testMatch: ["<rootDir>/**/*mongo.test.ts"] }, options: ["--runInBand"] }]),
];
const EXIT_MS = 30_000;
let hangs = false;

/** Resolves with jest's exit code; with what its report says where it had to be ended, since a test left something open. */
const runJest = async ({ name, config, options }: (typeof passes)[number]): Promise<unknown> => {
  const report = join(run, `${name}.report`);
  const jest = spawn(
    process.execPath,
    [
      "node_modules/jest/bin/jest.js",
      "--config",
      JSON.stringify({ ...own, ...config, rootDir: process.cwd() }),
      "--passWithNoTests",
      "--json",
      `--outputFile=${report}`,
      ...options,
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
  const watch = setInterval(() => {
    if (!existsSync(report)) return;
    clearInterval(watch);
    setTimeout(() => jest.kill("SIGKILL"), EXIT_MS).unref();
  }, 1000);
  const [status, signal] = await once(jest, "exit");
  clearInterval(watch);
  if (signal === null || !existsSync(report)) return status;
  hangs = true;
  return JSON.parse(readFileSync(report, "utf8")).success === true ? 0 : 1;
};
const statuses: unknown[] = [];
for (const pass of passes) statuses.push(await runJest(pass));

/** Of all passes together. */
const reportOf = () => {
  // jest writes none where no test is asked for.
  const reports: Record<string, number & unknown[]>[] = passes
    .map(({ name }) => join(run, `${name}.report`))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, "utf8")));
  const sum = (key: string) => reports.reduce((total, it) => total + (it[key] ?? 0), 0);
  return {
    passed: sum("numPassedTests"),
    failed: sum("numFailedTests") + sum("numRuntimeErrorTestSuites"),
    skipped: sum("numPendingTests") + sum("numTodoTests"),
    testResults: reports.flatMap((it) => it["testResults"] ?? []),
  };
};
const PROVED = "docs/reference/adapters.md";
const isWhole = process.argv.slice(2).every((argument) => argument === "--");

/** Writes what was proved of each adapter's server, or says where the page says something else; true: it does not. */
const comparePage = (json: unknown): boolean => {
  const proved = provedBy(json);
  if (process.env["PROVED"] === "write") writeFileSync(PROVED, provedPage(proved));
  const stale = isWhole ? staleClaims(readFileSync(PROVED, "utf8"), proved) : [];
  for (const line of stale) say(`${PROVED}: ${line}; PROVED=write npm test -- adapter writes it anew`);
  return stale.length === 0;
};

let skipped = 0;
let ran = 0;
let isPageRight = true;
try {
  const report = reportOf();
  ({ skipped } = report);
  ran = report.passed + report.failed;
  say(
    `${report.passed} passed, ${report.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}${without ? "; without MongoDB, which is not here" : ""}`,
  );
  isPageRight = comparePage(report);
} catch {
  say("0 passed, 1 failed");
}
if (ran === 0) say("No test was found.");
if (hangs) say(`All tests ran, and a test left something open: jest did not end within ${EXIT_MS / 1000} s`);
for (const what of unproven(run)) say(`Not proven here: ${what}`);
endLeftovers(run);
if (skipped > 0)
  say(
    "Skipped tests are failures: a server that is missing is installed or named, a promise that is not made generates no test.",
  );
process.exit(ran > 0 && statuses.every((status) => status === 0) && skipped === 0 && isPageRight ? 0 : 1);
