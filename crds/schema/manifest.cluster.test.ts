import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse, stringify } from "yaml";
import { API_VERSION, crdManifest, GROUP, KIND, parseRealtimeCluster, VERSION, withDefaults } from "#crds";
import { REFUSED, REFUSED_LATER } from "../resource/refusals.ts";

/** A group of the test's own, so that it can run beside an operator that is installed. */
const TEST_GROUP = "crd-test.realtimecluster.dev";
const RESOURCE = `realtimeclusters.${TEST_GROUP}`;

const kubectl = (args: readonly string[], input = "") => {
  const { status, stdout, stderr } = spawnSync("kubectl", args, { input, encoding: "utf8" });
  return { ok: status === 0, stdout, stderr };
};

const crd = (): string => {
  const text = stringify(crdManifest(), { lineWidth: 0 });
  return text
    .replace(`name: realtimeclusters.${GROUP}`, `name: ${RESOURCE}`)
    .replace(`group: ${GROUP}`, `group: ${TEST_GROUP}`);
};

const resource = (spec: unknown, name = "chat"): string =>
  JSON.stringify({
    apiVersion: `${TEST_GROUP}/${VERSION}`,
    kind: KIND,
    metadata: { name, namespace: "default" },
    ...(spec === undefined ? {} : { spec }),
  });

const dryRun = (text: string) => kubectl(["create", "--dry-run=server", "-o", "json", "-f", "-"], text);

beforeAll(() => {
  const applied = kubectl(["apply", "--server-side", "-f", "-"], crd());
  if (!applied.ok) throw new Error(applied.stderr);
  kubectl(["wait", "--for=condition=Established", `crd/${RESOURCE}`, "--timeout=30s"]);
});

afterAll(() => void kubectl(["delete", "crd", RESOURCE, "--ignore-not-found"]));

test("the API server takes the schema as structural, and its rules within the cost budget", () => {
  const { stdout } = kubectl(["get", "crd", RESOURCE, "-o", "json"]);
  const { status } = JSON.parse(stdout);
  expect(status.conditions).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ type: "NamesAccepted", status: "True" }),
      expect.objectContaining({ type: "Established", status: "True" }),
    ]),
  );
  expect(status.conditions).not.toContainEqual(
    expect.objectContaining({ type: "NonStructuralSchema", status: "True" }),
  );
});

describe("refused, with the message of docs/invalid-resources.md", () => {
  test.each(REFUSED.map((it) => [it.title, it] as const))("%s", (_title, { spec, path, message }) => {
    const { ok, stderr } = dryRun(resource(spec));
    expect(ok).toBe(false);
    expect(stderr).toContain(message);
    expect(stderr).toContain(path);
  });

  test.each([
    ["a name that is too long", "a".repeat(31)],
    ["a name that begins with a digit", "1chat"],
    ["a name with a dot", "my.chat"],
  ])("%s", (_title, name) => {
    expect(dryRun(resource({}, name)).stderr).toContain("metadata.name: at most 30 lower-case letters");
  });

  test("a field that is misspelt", () => {
    expect(dryRun(resource({ gatway: {} })).stderr).toContain('unknown field "spec.gatway"');
  });

  test("no spec", () => {
    expect(dryRun(resource(undefined)).stderr).toContain("spec: Required value");
  });

  test("two pools of one name", () => {
    const pool = { name: "chat", events: ["a"] };
    expect(dryRun(resource({ workers: [pool, { ...pool, events: ["b"] }] })).stderr).toContain(
      'spec.workers[1]: Duplicate value: {"name":"chat"}',
    );
  });
});

describe("taken, for the operator to answer with a condition", () => {
  test.each(REFUSED_LATER.map((it) => [it.title, it] as const))("%s", (_title, { spec }) => {
    expect(dryRun(resource(spec)).stderr).toBe("");
  });
});

const exampleFiles = readdirSync("examples").flatMap((name) => {
  const file = `examples/${name}/realtimecluster.yaml`;
  try {
    return [[file, parse(readFileSync(file, "utf8")).spec] as const];
  } catch {
    return [];
  }
});

const SPECS: [string, object][] = [
  ...exampleFiles.map(([file, spec]): [string, object] => [file, spec]),
  ["an empty spec", {}],
  ["gateways that scale", { gateway: { autoscaling: {} } }],
  [
    "an app of one's own, with a limit and a buffer",
    { gateway: { app: "./app.ts", limits: { payloadBytes: 2_000_000 } } },
  ],
  [
    "a load balancer",
    { gateway: { expose: { type: "LoadBalancer", loadBalancer: { sourceRanges: ["10.0.0.0/8"] } } } },
  ],
  ["a load balancer that says nothing", { gateway: { expose: { type: "LoadBalancer" } } }],
  [
    "an Ingress",
    { gateway: { expose: { type: "Ingress", ingress: { host: "*.example.com", tlsSecretName: "tls" } } } },
  ],
  [
    "an HTTPRoute",
    { gateway: { expose: { type: "Gateway", gateway: { parentRefs: [{ name: "web", namespace: "infra" }] } } } },
  ],
  ["managed servers that say nothing", { servers: { redis: { managed: {} }, rabbitmq: { managed: {} } } }],
  ["authentication", { gateway: { auth: { jwt: { secretRef: { name: "a", key: "b" } }, anonymous: {} } } }],
  ["a pool", { workers: [{ name: "chat", events: ["chat:*"], retry: {}, autoscaling: { external: true } }] }],
  ["history, recovery and the API", { gateway: { history: [{ channels: ["room:*"] }], recovery: {}, api: {} } }],
  [
    "a pod template",
    { gateway: { podTemplate: { spec: { nodeSelector: { a: "b" } } }, resources: { limits: { cpu: 2 } } } },
  ],
];

test("the examples are among them", () => expect(exampleFiles.length).toBeGreaterThan(1));

test.each(SPECS)("%s: the API server's defaults are those of the command line", (_title, spec) => {
  const { stdout, stderr } = dryRun(resource(spec));
  expect(stderr).toBe("");
  const parsed = (it: unknown) => {
    const cluster = parseRealtimeCluster({ apiVersion: API_VERSION, kind: KIND, metadata: { name: "chat" }, spec: it });
    if (!cluster.ok) throw new Error(JSON.stringify(cluster.problems));
    return cluster.value;
  };
  const stored = JSON.parse(stdout).spec;
  expect(stored).toEqual(JSON.parse(JSON.stringify(parsed(spec).spec)));
  expect(withDefaults(parsed(stored))).toEqual(withDefaults(parsed(spec)));
});

test("kubectl explain reads well", () => {
  const { stdout } = kubectl([
    "explain",
    "realtimecluster.spec.gateway.expose",
    `--api-version=${TEST_GROUP}/${VERSION}`,
  ]);
  for (const text of [
    "How clients reach the gateways",
    "stickiness",
    "LoadBalancer: the Service gets an address",
    "enum:",
  ])
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(text);
});

test("kubectl get shows the state at a glance", () => {
  kubectl(["create", "-f", "-"], resource({}, "glance"));
  const time = "2026-01-01T00:00:00Z";
  const status = {
    observedGeneration: 1,
    version: "0.1.0",
    conditions: [
      {
        type: "Ready",
        status: "False",
        reason: "NotGatewaysReady",
        message: "1/2 gateways ready",
        lastTransitionTime: time,
      },
    ],
    gateways: "1/2",
    workers: "3/3",
    backlog: 120,
    pools: [{ name: "chat", deployment: "glance-worker-chat-12345", replicas: 3, ready: 3, backlog: 120, dead: 0 }],
    endpoints: { clients: "glance-gateway.default.svc:3000", external: "https://chat.example.com" },
  };
  const patched = kubectl([
    "patch",
    RESOURCE,
    "glance",
    "--subresource=status",
    "--type=merge",
    "-p",
    JSON.stringify({ status }),
  ]);
  expect(patched.stderr).toBe("");
  const { stdout } = kubectl(["get", RESOURCE, "glance", "-o", "wide"]);
  const [head, row] = stdout.split("\n");
  expect(head?.split(/\s+/)).toEqual(
    "NAME READY REASON GATEWAYS WORKERS BACKLOG VERSION AGE ADAPTER BROKER ENDPOINT MESSAGE".split(" "),
  );
  expect(row).toMatch(
    /^glance +False +NotGatewaysReady +1\/2 +3\/3 +120 +0\.1\.0 +\S+ +redis +rabbitmq +https:\/\/chat\.example\.com +1\/2 gateways ready/,
  );
});
