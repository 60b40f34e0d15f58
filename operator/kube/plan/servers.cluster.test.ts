import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { KubeObject } from "../runtime/object.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";
import { secrets } from "./secrets.ts";
import { inputOf } from "./testing/servers.ts";

const namespace = `servers-${randomBytes(4).toString("hex")}`;
const patience = { timeoutMs: 180_000, everyMs: 500 };

const kubectl = (args: string[], input?: string): string =>
  execFileSync("kubectl", ["-n", namespace, ...args], { encoding: "utf8", stdio: ["pipe", "pipe", "pipe"], input });
const apply = (items: readonly KubeObject[]) =>
  kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
const inPod = (pod: string, container: string, command: string): string =>
  kubectl(["exec", pod, "-c", container, "--", "sh", "-c", command]).trim();

const inputFor = (replicas: number) =>
  inputOf({ servers: { rabbitmq: { managed: { replicas, storage: "1Gi" } } } }, { namespace });

const writeSecret = (name: string, password: string) =>
  kubectl(["patch", "secret", name, "--type=merge", "-p", JSON.stringify({ stringData: { password } })]);

/** The kubelet reads mounted files again when the pod changes. */
const touch = (pod: string) => kubectl(["annotate", "--overwrite", "pod", pod, `test/touched=${Date.now()}`]);

const redisSays = (password: string, ...command: string[]) =>
  inPod("chat-redis-0", "redis", `REDISCLI_AUTH='${password}' redis-cli ${command.join(" ")} 2>&1`);

const rabbitmqKnows = (password: string) =>
  inPod("chat-rabbitmq-0", "rabbitmq", `echo '${password}' | timeout 30 rabbitmqctl authenticate_user realtime`);

beforeAll(() => {
  execFileSync("kubectl", ["create", "namespace", namespace]);
  execFileSync("kubectl", ["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]);
  const input = inputFor(1);
  apply(
    (secrets(input).secrets ?? []).map(({ name, labels, fixed, generated }) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, labels },
      stringData: { ...fixed, ...Object.fromEntries(Object.keys(generated).map((key) => [key, `first-${key}`])) },
    })),
  );
  apply([...(redis(input).objects ?? []), ...(rabbitmq(input).objects ?? [])]);
});
afterAll(() => {
  execFileSync("kubectl", ["delete", "namespace", namespace, "--wait=false"]);
});

const ready = (statefulSet: string) => kubectl(["rollout", "status", `statefulset/${statefulSet}`, "--timeout=170s"]);

test("both start where pods are restricted", () => {
  ready("chat-redis");
  ready("chat-rabbitmq");
  expect(redisSays("first-password", "set", "kept", "yes")).toBe("OK");
  expect(redisSays("wrong", "get", "kept")).toContain("NOAUTH");
  expect(rabbitmqKnows("first-password")).toContain("Success");
}, 200_000);

test("a password that changed in the Secret is true at the servers, and nothing is restarted", async () => {
  for (const server of ["redis", "rabbitmq"]) {
    writeSecret(`chat-${server}`, "second # password");
    touch(`chat-${server}-0`);
  }
  await eventually(() => expect(redisSays("second # password", "get", "kept")).toBe("yes"), patience);
  await eventually(() => expect(rabbitmqKnows("second # password")).toContain("Success"), patience);
  expect(() => rabbitmqKnows("first-password")).toThrow();
  const restarts = ["get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}"];
  expect(kubectl(restarts)).toBe("0 0 0 0");
}, 200_000);

test("Redis keeps its data and takes the Secret's password when its pod is killed", async () => {
  kubectl(["delete", "pod", "chat-redis-0"]);
  await eventually(() => expect(redisSays("second # password", "get", "kept")).toBe("yes"), patience);
}, 200_000);

test("one node becomes three, which form a cluster, and the first is not restarted", async () => {
  const uid = () => kubectl(["get", "pod", "chat-rabbitmq-0", "-o", "jsonpath={.metadata.uid}"]);
  const before = uid();
  apply(rabbitmq(inputFor(3)).objects ?? []);
  ready("chat-rabbitmq");
  const running = () =>
    inPod("chat-rabbitmq-2", "rabbitmq", "rabbitmqctl -q eval 'length(rabbit_nodes:list_running()).'");
  await eventually(() => expect(running()).toBe("3"), patience);
  expect(uid()).toBe(before);
}, 200_000);

test("a node of three that is killed comes back by itself", async () => {
  kubectl(["delete", "pod", "chat-rabbitmq-0", "--wait=true"]);
  const running = () =>
    inPod("chat-rabbitmq-1", "rabbitmq", "rabbitmqctl -q eval 'length(rabbit_nodes:list_running()).'");
  await eventually(() => expect(running()).toBe("3"), patience);
}, 200_000);
