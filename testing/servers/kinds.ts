import { existsSync, globSync } from "node:fs";
import { delimiter, join } from "node:path";
import { connect } from "node:net";
import { spawnSync } from "node:child_process";

export type ServerKind = "redis" | "rabbitmq" | "rabbitmq4" | "postgres" | "mongo";

interface Command {
  command: string;
  args: string[];
  env?: Record<string, string>;
}

/** How a kind of server is found, started and asked whether it is ready. */
export interface Kind {
  /** A server that is there already; never stopped by tests. */
  urlVariable: string;
  binary(): string | undefined;
  /** What npm test installs where it may. Absent: where it is not there, its tests are not made, and the end of the run says so. */
  debianPackage?: string;
  image: string;
  containerPort: number;
  containerArgs: string[];
  containerEnv: Record<string, string>;
  /** Run before each start; must be safe to repeat. */
  prepare?(binary: string, directory: string): Command | undefined;
  start(binary: string, directory: string, port: number): Command;
  /** Not as root: the system user to run as. */
  user?: string;
  uri(port: number): string;
  ready(port: number): Promise<boolean>;
}

const onPath = (name: string): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((file) => existsSync(file));

/** Sends `bytes` and tells whether the answer holds `expected`. */
const answers = (port: number, bytes: string | Buffer, expected: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let seen = "";
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => end(false));
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
      if (seen.includes(expected)) end(true);
    });
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
  });

const redis: Kind = {
  urlVariable: "TEST_REDIS_URL",
  binary: () => onPath("redis-server"),
  debianPackage: "redis-server",
  image: "redis:8",
  containerPort: 6379,
  containerArgs: ["redis-server", "--appendonly", "yes", "--protected-mode", "no"],
  containerEnv: {},
  start: (binary, directory, port) => ({
    command: binary,
    args: [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--dir",
      directory,
      "--appendonly",
      "yes",
      "--save",
      "",
      "--daemonize",
      "no",
    ],
  }),
  uri: (port) => `redis://127.0.0.1:${port}`,
  ready: (port) => answers(port, "PING\r\n", "+PONG"),
};

const rabbitmq: Kind = {
  urlVariable: "TEST_RABBITMQ_URL",
  binary: () =>
    [
      ...globSync("/usr/lib/rabbitmq/bin/rabbitmq-server"),
      ...globSync("/opt/homebrew/sbin/rabbitmq-server"),
      onPath("rabbitmq-server"),
    ].find((file) => file !== undefined),
  debianPackage: "rabbitmq-server",
  image: "rabbitmq:4-management",
  containerPort: 5672,
  containerArgs: [],
  containerEnv: {},
  start: (binary, directory, port) => ({
    command: binary,
    args: [],
    env: {
      HOME: directory,
      RABBITMQ_NODENAME: `test-${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(port + 20_000 > 65_535 ? port - 20_000 : port + 20_000),
      RABBITMQ_BASE: directory,
      RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
      RABBITMQ_LOG_BASE: join(directory, "log"),
      RABBITMQ_PID_FILE: join(directory, "pid"),
      RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq"),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, "advanced"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "plugins"),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 2:2 +sbwt none",
    },
  }),
  uri: (port) => `amqp://guest:guest@127.0.0.1:${port}`,
  ready: (port) => answers(port, Buffer.from("AMQP\x00\x00\x09\x01", "latin1"), "RabbitMQ"),
};

/** For what RabbitMQ has since 4.0 only; Debian 12's is older. */
const rabbitmq4: Kind = {
  ...rabbitmq,
  urlVariable: "TEST_RABBITMQ4_URL",
  binary: () => {
    const releases = globSync("/usr/{lib,local}/{rabbitmq,rabbitmq/lib}/rabbitmq_server-*").map((path) =>
      Number(/rabbitmq_server-(\d+)/.exec(path)?.[1]),
    );
    return releases.some((major) => major >= 4) ? rabbitmq.binary() : undefined;
  },
};
delete rabbitmq4.debianPackage;

const postgresTool = (name: string): string | undefined =>
  globSync(`/usr/lib/postgresql/*/bin/${name}`).sort().at(-1) ?? onPath(name);

const postgres: Kind = {
  urlVariable: "TEST_POSTGRES_URL",
  binary: () => postgresTool("postgres"),
  debianPackage: "postgresql",
  image: "postgres:17",
  containerPort: 5432,
  containerArgs: [],
  containerEnv: { POSTGRES_HOST_AUTH_METHOD: "trust" },
  user: "postgres",
  prepare: (_binary, directory) => {
    const data = join(directory, "data");
    const initdb = postgresTool("initdb");
    return existsSync(data) || initdb === undefined
      ? undefined
      : { command: initdb, args: ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"] };
  },
  start: (binary, directory, port) => ({
    command: binary,
    args: [
      "-D",
      join(directory, "data"),
      "-p",
      String(port),
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      `unix_socket_directories=${directory}`,
      "-c",
      "fsync=off",
    ],
  }),
  uri: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  // SSLRequest: the server answers one byte, N or S, as soon as it takes connections.
  ready: async (port) => {
    const request = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
    return (await answers(port, request, "N")) || answers(port, request, "S");
  },
};

/** `{hello: 1, $db: "admin"}` in MongoDB's wire protocol. */
const HELLO = Buffer.from(
  "\x34\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0",
  "latin1",
);

/** MongoDB's own server is in no package of Debian; FerretDB speaks its protocol. */
const mongo: Kind = {
  urlVariable: "TEST_MONGO_URL",
  binary: () => onPath("mongod") ?? onPath("ferretdb"),
  image: "mongo:8",
  containerPort: 27017,
  containerArgs: [],
  containerEnv: {},
  start: (binary, directory, port) => ({
    command: binary,
    args: binary.endsWith("mongod")
      ? ["--port", String(port), "--bind_ip", "127.0.0.1", "--dbpath", directory]
      : [`127.0.0.1:${port}`, directory],
  }),
  uri: (port) => `mongodb://127.0.0.1:${port}`,
  ready: (port) => answers(port, HELLO, "isWritablePrimary"),
};

export const KINDS: Record<ServerKind, Kind> = { redis, rabbitmq, rabbitmq4, postgres, mongo };

/** The system's own server; none where TEST_SERVERS=docker asks for containers. */
export const binaryOf = (kind: Kind): string | undefined =>
  process.env["TEST_SERVERS"] === "docker" ? undefined : kind.binary();

export const dockerRuns = (): boolean =>
  spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], { stdio: "ignore" }).status === 0;

/** Whether Docker runs and has the kind's image, or gets it. */
const imageOf = ({ image }: Kind): boolean =>
  dockerRuns() &&
  [["image", "inspect"], ["pull"]].some(
    (command) => spawnSync("docker", [...command, image], { stdio: "ignore", timeout: 300_000 }).status === 0,
  );

/** Whether a server of that kind runs or can be started here. */
export const canServe = (name: ServerKind): boolean => {
  const kind = KINDS[name];
  return process.env[kind.urlVariable] !== undefined || binaryOf(kind) !== undefined || imageOf(kind);
};
