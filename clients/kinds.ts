import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How a process is started. */
export interface Program {
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
}

/**
 * What a client can do; the suite generates only those cases. `reconnect` is after a lost connection, `return:…` after one that the server
 * closed in order, as a gateway that drains does.
 */
export type Skill =
  | "polling"
  | "websocket"
  | "upgrade"
  | "binary"
  | "acks"
  | "namespaces"
  | "reconnect"
  | "recovery"
  | "return:polling"
  | "return:websocket";

/** A client of socket.io's protocol, taken from its registry. */
export interface ClientKind {
  name: string;
  skills: readonly Skill[];
  /** Programs that have to be there, and how to get them. */
  tools: readonly string[];
  wayOut: string;
  /** What its packages depend on: installed anew when one changes. */
  pinnedBy: readonly string[];
  /** Run in turn, in a directory of its own that is kept. */
  install: (at: string) => readonly Program[];
  driver: (at: string) => Program;
}

const DRIVERS = join(import.meta.dirname, "drivers");
const COMMON: readonly Skill[] = ["polling", "websocket", "upgrade", "binary", "acks", "namespaces", "reconnect"];

const javascript = (name: string, module: string, more: readonly Skill[] = []): ClientKind => ({
  name,
  skills: [...COMMON, "return:polling", "return:websocket", ...more],
  tools: [],
  wayOut: "npm install",
  pinnedBy: [],
  install: () => [],
  driver: () => ({ command: process.execPath, args: [join(DRIVERS, "driver.js")], env: { CLIENT: module } }),
});

const REQUIREMENTS = join(DRIVERS, "requirements.txt");
export const pythonAt = (at: string): string => join(at, "bin", "python");
const python: ClientKind = {
  name: "python-socketio",
  // By polling it takes engine.io's close packet for the end, also from socket.io's own server.
  skills: [...COMMON, "return:websocket"],
  tools: ["python3"],
  wayOut: "apt-get install -y python3 python3-venv",
  pinnedBy: [REQUIREMENTS],
  install: (at) => [
    { command: "python3", args: ["-m", "venv", at] },
    { command: pythonAt(at), args: ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", REQUIREMENTS] },
  ],
  driver: (at) => ({ command: pythonAt(at), args: [join(DRIVERS, "driver.py")] }),
};

const POM = join(DRIVERS, "java", "pom.xml");
const JAVA = join(DRIVERS, "java", "Driver.java");
const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
const java: ClientKind = {
  name: "socket.io-client for Java",
  // It does not see that a WebSocket is closed in order until heartbeats are missed, also with socket.io's own server.
  skills: [...COMMON, "return:polling"],
  tools: ["java", "javac", "mvn"],
  wayOut: "apt-get install -y maven default-jdk-headless",
  pinnedBy: [POM, JAVA],
  install: (at) => [
    { command: "mvn", args: ["-q", "-B", "-f", POM, COPY, `-DoutputDirectory=${join(at, "lib")}`] },
    { command: "javac", args: ["-cp", join(at, "lib", "*"), "-d", join(at, "classes"), JAVA] },
  ],
  driver: (at) => ({
    command: "java",
    args: ["-Xmx128m", "-XX:+UseSerialGC", "-cp", `${join(at, "classes")}:${join(at, "lib", "*")}`, "Driver"],
  }),
};

export const KINDS = {
  javascript: javascript("socket.io-client 4", "socket.io-client", ["recovery"]),
  javascript3: javascript("socket.io-client 3", "socket.io-client-3"),
  python,
  java,
} as const satisfies Record<string, ClientKind>;
export type KindName = keyof typeof KINDS;

/** Where a client's packages are kept; git knows nothing of it. */
export const cacheOf = (name: KindName): string => join(import.meta.dirname, ".cache", name);

const isThere = (tool: string): boolean => spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;

/** Gets a client's packages unless they are there. A sentence with the way out where that cannot be. */
export const prepare = (name: KindName): string | undefined => {
  const kind: ClientKind = KINDS[name];
  const missing = kind.tools.filter((tool) => !isThere(tool));
  if (missing.length > 0) return `${kind.name} needs ${missing.join(", ")}. Get them with: ${kind.wayOut}`;
  const at = cacheOf(name);
  const stamp = join(at, "stamp");
  const wanted = createHash("sha256").update(JSON.stringify(kind.pinnedBy.map((file) => readFileSync(file, "utf8"))));
  const digest = wanted.digest("hex");
  try {
    if (readFileSync(stamp, "utf8") === digest) return undefined;
  } catch {
    // Never installed.
  }
  rmSync(at, { recursive: true, force: true });
  mkdirSync(at, { recursive: true });
  for (const { command, args } of kind.install(at)) {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
    if (status !== 0) return `${kind.name} could not be installed: ${command} ${args.join(" ")}\n${stdout}${stderr}`;
  }
  writeFileSync(stamp, digest);
  return undefined;
};
