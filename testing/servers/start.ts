import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../eventually.ts";
import { binaryOf, dockerRuns, KINDS, type Kind, type ServerKind } from "./kinds.ts";

/** Where one run of `npm test` keeps its shared servers and notes of all others; scripts/test.ts sets it and ends them. */
export const RUN_DIRECTORY = "REALTIME_TEST_RUN";

/** A server of a test's own: to be killed and started again on the same port with the same data. */
export interface TestServer extends AsyncDisposable {
  uri: string;
  port: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** In order; resolves when it is gone. */
  stop(): Promise<void>;
  /** Resolves when it answers. */
  start(): Promise<void>;
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

const idOf = (user: string, flag: "-u" | "-g"): number =>
  Number(spawnSync("id", [flag, user], { encoding: "utf8" }).stdout.trim());

interface Runner {
  start(): Promise<void>;
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  remove(): void;
  why(): string;
  left(): Left;
}

/** What a server leaves behind where its test could not end it; scripts/test.ts does then. */
export interface Left {
  pid?: number | undefined;
  container?: string;
  directory?: string;
}

const asProcess = (kind: Kind, binary: string, port: number): Runner => {
  const directory = mkdtempSync(join(tmpdir(), "realtime-test-"));
  const identity =
    kind.user !== undefined && process.getuid?.() === 0
      ? { uid: idOf(kind.user, "-u"), gid: idOf(kind.user, "-g") }
      : {};
  if (identity.uid !== undefined) chownSync(directory, identity.uid, identity.gid);
  const logFile = join(directory, "server.log");
  let child: ChildProcess | undefined;
  return {
    async start() {
      const prepare = kind.prepare?.(binary, directory);
      if (prepare !== undefined)
        spawnSync(prepare.command, prepare.args, { ...identity, cwd: directory, stdio: "ignore" });
      const { command, args, env } = kind.start(binary, directory, port);
      const output = openSync(logFile, "a");
      mkdirSync(join(directory, "log"), { recursive: true });
      // A group of its own, so that a wrapper script and what it started go together.
      child = spawn(command, args, {
        ...identity,
        cwd: directory,
        env: { ...process.env, ...env },
        stdio: ["ignore", output, output],
        detached: true,
      });
      child.unref();
    },
    async end(signal) {
      const running = child;
      if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
      running.ref();
      const gone = new Promise((resolve) => running.once("exit", resolve));
      process.kill(-running.pid, signal);
      await gone;
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
    why: () => readFileSync(logFile, "utf8").slice(-2000),
    left: () => ({ pid: child?.pid, directory }),
  };
};

const docker = (...args: string[]) => spawnSync("docker", args, { encoding: "utf8" });

const asContainer = (kind: Kind, port: number): Runner => {
  const name = `realtime-test-${randomBytes(4).toString("hex")}`;
  let created = false;
  return {
    async start() {
      if (created) return void docker("start", name);
      const env = Object.entries(kind.containerEnv).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
      docker(
        "run",
        "-d",
        "--name",
        name,
        "--hostname",
        name,
        ...env,
        "-p",
        `127.0.0.1:${port}:${kind.containerPort}`,
        kind.image,
        ...kind.containerArgs,
      );
      created = true;
    },
    async end(signal) {
      docker(...(signal === "SIGKILL" ? ["kill", name] : ["stop", name]));
    },
    remove: () => void docker("rm", "-f", "-v", name),
    why: () => docker("logs", "--tail", "20", name).stderr,
    left: () => ({ container: name }),
  };
};

const missing = (name: ServerKind, { urlVariable, debianPackage, image }: Kind): Error =>
  new Error(
    `${name} is not there. Any of these will do: ${debianPackage === undefined ? "" : `apt-get install -y ${debianPackage}; `}a running Docker (image ${image}); ${urlVariable}=… for a server that runs`,
  );

/** Starts a server on a free port: the system's package, else Docker. Throws an Error that names the ways to get one. */
export const startServer = async (name: ServerKind): Promise<TestServer> => {
  const kind = KINDS[name];
  const port = await freePort();
  const binary = binaryOf(kind);
  if (binary === undefined && !dockerRuns()) throw missing(name, kind);
  const runner = binary === undefined ? asContainer(kind, port) : asProcess(kind, binary, port);
  const note = process.env[RUN_DIRECTORY] === undefined ? undefined : join(process.env[RUN_DIRECTORY], `${port}.left`);
  const start = async () => {
    await runner.start();
    if (note !== undefined) writeFileSync(note, JSON.stringify(runner.left()));
    await eventually(
      async () => {
        if (!(await kind.ready(port))) throw new Error(`${name} does not answer on port ${port}: ${runner.why()}`);
      },
      { timeoutMs: 120_000, everyMs: 100 },
    );
  };
  await start();
  return {
    uri: kind.uri(port),
    port,
    start,
    kill: () => runner.end("SIGKILL"),
    stop: () => runner.end("SIGTERM"),
    async [Symbol.asyncDispose]() {
      await runner.end("SIGKILL");
      runner.remove();
      if (note !== undefined) rmSync(note, { force: true });
    },
  };
};
