import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseRealtimeCluster } from "#crds";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { operatorEnvironment } from "../operator/kube/environment.ts";
import { monitoringCrds } from "./monitoring-crds.ts";
import { CHART, helms, manifestsIn, must, run, type Manifest } from "./testing.ts";

const NAMESPACE = "chart-test";
/** No Pod Security there, as where the platform fills it in. */
const OPEN = "chart-test-open";
const WATCHED = ["chart-test-a", "chart-test-b"];
const NAMESPACES = [NAMESPACE, OPEN, ...WATCHED];
const sets = readdirSync(`${CHART}/ci`);
const each = helms.flatMap((helm) => sets.map((set): [string, string] => [helm, set]));

/** The API server's own; a helm knows only what it was built for. */
const { serverVersion } = z
  .object({ serverVersion: z.object({ gitVersion: z.string() }) })
  .parse(JSON.parse(must("kubectl", ["version", "--output=json"]).stdout));
const template = (helm: string, chart: string, ...more: string[]) =>
  run(helm, ["template", "chart-test", chart, "--kube-version", serverVersion.gitVersion, ...more]);

const namespaceOf = (set: string) => (set === "openshift.yaml" ? OPEN : NAMESPACE);
const render = (helm: string, set: string): string => {
  const { status, stdout, stderr } = template(helm, CHART, "-n", namespaceOf(set), "-f", `${CHART}/ci/${set}`);
  if (status !== 0) throw new Error(stderr);
  return stdout;
};
const rendered = (set: string): Manifest[] => manifestsIn(render(helms.at(-1) ?? "helm", set));
const kubectl = (args: string[], input?: string) => must("kubectl", args, input);
const apply = (objects: readonly object[]) =>
  kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], objects.map((it) => stringify(it)).join("---\n"));

const scratch = mkdtempSync(join(tmpdir(), "chart-"));
const ours: Manifest[] = [];

beforeAll(() => {
  kubectl(["delete", "namespace", "--ignore-not-found", ...NAMESPACES]);
  apply([
    ...NAMESPACES.map((name) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name,
        labels:
          name === OPEN
            ? {}
            : { "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted" },
      },
    })),
    ...monitoringCrds,
  ]);
  kubectl([
    "wait",
    "--for=condition=Established",
    "--timeout=30s",
    "crd",
    ...monitoringCrds.map((it) => it.metadata.name),
  ]);
});

afterAll(() => {
  rmSync(scratch, { recursive: true });
  for (const { kind, metadata } of ours)
    run("kubectl", [
      "delete",
      kind,
      metadata.name,
      ...(metadata.namespace === undefined ? [] : ["-n", metadata.namespace]),
    ]);
  run("kubectl", ["delete", "crd", ...monitoringCrds.map((it) => it.metadata.name)]);
  run("kubectl", ["delete", "namespace", "--wait=false", ...NAMESPACES]);
});

test("helm is there", () => {
  expect(helms).not.toEqual([]);
});

describe("every value set", () => {
  test.each(each)("%s lints %s", (helm, set) => {
    expect(run(helm, ["lint", "--strict", CHART, "-f", `${CHART}/ci/${set}`])).toMatchObject({ status: 0 });
  });

  test.each(each)("what %s makes of %s, the API server takes, and Pod Security too", (helm, set) => {
    const { stderr } = kubectl(
      ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"],
      render(helm, set),
    );
    expect(stderr).toBe("");
  });

  test.each(each)("what %s makes of %s says no key twice and leaves no template behind", (helm, set) => {
    const text = render(helm, set);
    expect(text).not.toMatch(/<no value>|<nil>|%!/);
    expect(() => manifestsIn(text)).not.toThrow();
  });

  test.each(sets)("helm 3 and 4 make the same of %s", (set) => {
    const [one, ...others] = helms.map((helm) =>
      manifestsIn(render(helm, set))
        .map((it) => JSON.stringify(it))
        .sort(),
    );
    for (const other of others) expect(other).toEqual(one);
  });

  test.each(sets)("the operator understands the environment of %s", (set) => {
    const entries = containerOf(rendered(set)).env;
    const extra = ["NODE_EXTRA_CA_CERTS", "NODE_NAME"];
    const told = Object.fromEntries(entries.map(({ name, value }) => [name, value ?? "chart-test"]));
    const known = Object.keys(operatorEnvironment.shape);
    expect(Object.keys(told).filter((name) => !known.includes(name) && !extra.includes(name))).toEqual([]);
    expect(operatorEnvironment.safeParse(told).error).toBeUndefined();
  });
});

const deployment = z.looseObject({
  spec: z.looseObject({
    selector: z.unknown(),
    template: z.looseObject({
      spec: z.looseObject({
        topologySpreadConstraints: z.unknown().optional(),
        containers: z.tuple([
          z.looseObject({
            image: z.string(),
            livenessProbe: z.unknown(),
            readinessProbe: z.unknown(),
            env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
          }),
        ]),
      }),
    }),
  }),
});
const deploymentOf = (objects: readonly Manifest[]) =>
  deployment.parse(objects.find(({ kind }) => kind === "Deployment"));
const containerOf = (objects: readonly Manifest[]) => deploymentOf(objects).spec.template.spec.containers[0];

describe("what the values say of the pod takes the place of the chart's own", () => {
  test("a probe's handler", () => {
    const { livenessProbe, readinessProbe } = containerOf(rendered("full.yaml"));
    expect(livenessProbe).toEqual({
      tcpSocket: { port: "probes" },
      periodSeconds: 20,
      timeoutSeconds: 5,
      failureThreshold: 3,
    });
    expect(readinessProbe).toMatchObject({ httpGet: { path: "/readyz", port: "probes" }, failureThreshold: 5 });
  });

  test("a constraint's selector", () => {
    const { topologySpreadConstraints } = deploymentOf(rendered("full.yaml")).spec.template.spec;
    expect(topologySpreadConstraints).toEqual([
      expect.objectContaining({
        labelSelector: { matchLabels: expect.objectContaining({ "app.kubernetes.io/component": "operator" }) },
        matchLabelKeys: ["pod-template-hash"],
      }),
      {
        maxSkew: 2,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { "app.kubernetes.io/name": "operator" } },
      },
    ]);
  });
});

describe("values that are wrong are refused with the field's name", () => {
  test.each([
    ["replicas: two", "/replicas"],
    ["replica: 3", "replica"],
    ["{replicas: 2, leaderElection: {enabled: false}}", "/replicas"],
    ["watchNamespaces: shop", "/watchNamespaces"],
    ["watchNamespaces: [shop, Not_A_Name]", "/watchNamespaces/1"],
    ["crds: {enabled: 'yes'}", "/crds/enabled"],
    ["crds: {kept: true}", "kept"],
    ["image: {digest: latest}", "/image/digest"],
    ["image: {repository: ''}", "/image/repository"],
    ["image: {pullPolicy: Sometimes}", "/image/pullPolicy"],
    ["dataPlane: {securityContext: privileged}", "/dataPlane/securityContext"],
    ["dataPlane: {image: {tag: latest}}", "tag"],
    ["dataPlane: {version: v0.1.0}", "/dataPlane/version"],
    ["dataPlane: {version: '0.1'}", "/dataPlane/version"],
    ["logLevel: loud", "/logLevel"],
    ["extraEnv: [{value: x}]", "/extraEnv/0"],
    ["podSecurityContext: restricted", "/podSecurityContext"],
    ["resources: {limit: {}}", "limit"],
    ["podDisruptionBudget: {maxUnavailable: 0}", "/podDisruptionBudget/maxUnavailable"],
    ["metrics: {rules: {enable: true}}", "enable"],
    ["metrics: {serviceMonitor: {interval: soon}}", "/metrics/serviceMonitor/interval"],
    ["commonLabels: {team: 1}", "/commonLabels/team"],
    ["podLabels: {app.kubernetes.io/name: mine}", "/podLabels/app.kubernetes.io~1name"],
    ["fullnameOverride: Realtime", "/fullnameOverride"],
  ])("%s", (values, field) => {
    const file = join(scratch, "wrong.yaml");
    writeFileSync(file, values);
    for (const helm of helms) {
      const { status, stderr } = template(helm, CHART, "-f", file);
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(`'${field}'`) });
    }
  });

  test("an older Kubernetes is refused", () => {
    for (const helm of helms)
      expect(run(helm, ["template", "chart-test", CHART, "--kube-version", "1.29.9"]).stderr).toContain(">=1.30.0-0");
  });
});

describe("permissions", () => {
  const kinds = (set: string) => new Set(rendered(set).map(({ kind }) => kind));

  test.each(sets)("%s gives no wildcard and binds nothing that others made", (set) => {
    const objects = rendered(set);
    const words = objects.flatMap(({ rules = [] }) =>
      rules.flatMap((it) => [...it.apiGroups, ...it.resources, ...it.verbs]),
    );
    expect(words.filter((word) => word.includes("*"))).toEqual([]);
    const made = objects.filter(({ kind }) => kind.endsWith("Role")).map(({ metadata }) => metadata.name);
    expect(objects.flatMap(({ roleRef }) => roleRef?.name ?? []).filter((name) => !made.includes(name))).toEqual([]);
  });

  test("namespaces that are named get Roles, and nothing is cluster-wide", () => {
    const objects = rendered("namespaced.yaml");
    expect([...kinds("namespaced.yaml")].filter((kind) => /^Cluster|CustomResource/.test(kind))).toEqual([]);
    const roles = objects.filter(({ kind }) => kind === "Role").map(({ metadata }) => metadata.namespace);
    expect(new Set(roles)).toEqual(new Set([NAMESPACE, ...WATCHED]));
    expect(roles).toHaveLength(3);
  });

  test("a role in one namespace says what the cluster-wide one says", () => {
    const rulesOf = (set: string, kind: string) =>
      rendered(set).find((it) => it.kind === kind && it.metadata.name === "chart-test-realtime-operator")?.rules ?? [];
    expect(rulesOf("default.yaml", "ClusterRole")).toEqual(rulesOf("namespaced.yaml", "Role"));
  });

  test("roles that others make are left to them", () => {
    expect([...kinds("no-rbac.yaml")].filter((kind) => /Role|ServiceAccount/.test(kind))).toEqual([]);
  });

  const account = `system:serviceaccount:${NAMESPACE}:chart-test-realtime-operator`;
  const install = (set: string) => {
    const objects = rendered(set).filter(({ kind }) => /Role|ServiceAccount/.test(kind));
    ours.push(...objects);
    apply(objects);
  };
  const may = (verb: string, resource: string, ...where: string[]) =>
    run("kubectl", ["auth", "can-i", verb, resource, `--as=${account}`, "--quiet", ...where]).status === 0;

  test("the API server agrees about named namespaces", () => {
    install("namespaced.yaml");
    for (const namespace of WATCHED) {
      expect(may("create", "secrets", "-n", namespace)).toBe(true);
      expect(may("delete", "secrets", "-n", namespace)).toBe(false);
      expect(may("update", "secrets", "-n", namespace)).toBe(false);
      expect(may("patch", "deployments", "--subresource=scale", "-n", namespace)).toBe(true);
    }
    expect(may("get", "secrets", "-n", NAMESPACE)).toBe(false);
    expect(may("get", "secrets", "-n", "kube-system")).toBe(false);
    expect(may("get", "leases.coordination.k8s.io/realtime-operator", "-n", NAMESPACE)).toBe(true);
    expect(may("get", "leases.coordination.k8s.io/another", "-n", NAMESPACE)).toBe(false);
  });

  test("the API server agrees about all namespaces", () => {
    install("default.yaml");
    expect(may("watch", "secrets", "-A")).toBe(true);
    expect(may("delete", "secrets", "-A")).toBe(false);
    expect(may("delete", "persistentvolumeclaims", "-A")).toBe(false);
    expect(may("delete", "pods", "-A")).toBe(false);
    expect(may("create", "pods", "-A")).toBe(false);
    expect(may("create", "pods", "--subresource=exec", "-A")).toBe(false);
    expect(may("create", "clusterroles.rbac.authorization.k8s.io")).toBe(false);
    expect(may("get", "nodes")).toBe(false);
    expect(may("patch", "leases.coordination.k8s.io/realtime-operator", "-n", "kube-system")).toBe(false);
    expect(may("get", "storageclasses")).toBe(false);
  });
});

describe("an upgrade of the same build under a second version", () => {
  const version = (number: string): Manifest[] => {
    const [helm = "helm"] = helms;
    must(helm, ["package", CHART, "--version", number, "--app-version", number, "--destination", scratch]);
    const file = join(scratch, `realtime-operator-${number}.tgz`);
    return manifestsIn(template(helm, file, "-n", NAMESPACE).stdout);
  };
  const [before, after] = [version("0.1.0"), version("0.1.1")];
  /** Without the labels that carry the version. */
  const bare = (it: Manifest) => ({ ...it, metadata: { ...it.metadata, labels: {} } });

  test("changes the operator's Deployment only, and nothing of it that cannot change", () => {
    const changed = after.filter((it) => {
      const old = before.find((other) => other.kind === it.kind && other.metadata.name === it.metadata.name);
      return JSON.stringify(old && bare(old)) !== JSON.stringify(bare(it));
    });
    expect(changed.map(({ kind }) => kind).sort()).toEqual(["Deployment", "Pod"]);
    expect(deploymentOf(after).spec.selector).toEqual(deploymentOf(before).spec.selector);
  });

  test("says nothing of releases: the image knows its own, whatever its tag is", () => {
    for (const more of [[], ["--set", "image.tag=sha-1a2b"]]) {
      const { env } = containerOf(manifestsIn(template(helms.at(-1) ?? "helm", CHART, ...more).stdout));
      expect(env.filter(({ name, value }) => name.includes("VERSION") || value?.includes("1a2b"))).toEqual([]);
    }
  });

  test("runs the second image", () => {
    expect(containerOf(after).image).toBe("realtimecluster/realtime:0.1.1");
  });
});

describe("the CustomResourceDefinition", () => {
  const crdOf = (set: string) => rendered(set).find(({ kind }) => kind === "CustomResourceDefinition");

  test("is kept by helm uninstall unless the values say otherwise", () => {
    expect(crdOf("default.yaml")?.metadata.annotations).toMatchObject({ "helm.sh/resource-policy": "keep" });
    expect(crdOf("minimal.yaml")?.metadata.annotations).not.toHaveProperty("helm.sh/resource-policy");
  });

  test("is the one in crds/", () => {
    const source = must("cat", ["crds/realtimecluster.dev_realtimeclusters.yaml"]).stdout;
    expect(crdOf("default.yaml")?.["spec"]).toEqual(z.object({ spec: z.unknown() }).parse(parse(source)).spec);
  });
});

describe("notes", () => {
  const notesOf = (helm: string, set: string) =>
    must(helm, [
      "install",
      "chart-test",
      CHART,
      "--dry-run=server",
      "--take-ownership",
      "-n",
      NAMESPACE,
      "-f",
      `${CHART}/ci/${set}`,
    ])
      .stdout.split("NOTES:\n")
      .at(-1) ?? "";

  test.each(each)("%s, %s: the resource that they show is a cluster", (helm, set) => {
    const [, text = ""] = /<<EOF\n([^]*?)\n *EOF/.exec(notesOf(helm, set)) ?? [];
    expect(parseRealtimeCluster(parse(text))).toMatchObject({ ok: true });
  });

  test("say the next command in a namespace that is watched", () => {
    expect(notesOf(helms.at(-1) ?? "helm", "namespaced.yaml")).toContain(
      "kubectl -n chart-test-a wait --for=condition=Ready realtimecluster/chat",
    );
  });
});

const alertsOf = (...more: string[]): string => {
  const { stdout } = template(
    helms.at(-1) ?? "helm",
    CHART,
    "-n",
    NAMESPACE,
    "-f",
    `${CHART}/ci/monitoring.yaml`,
    ...more,
  );
  return JSON.stringify(manifestsIn(stdout).find(({ kind }) => kind === "PrometheusRule"));
};

test("alerts reach Prometheus whole, for this release alone, without those that the values leave out", () => {
  const text = alertsOf();
  const operator = `job=\\"chart-test-realtime-operator-metrics\\", namespace=\\"${NAMESPACE}\\"`;
  expect(text.split(operator)).toHaveLength(text.split("job=").length);
  expect(text).not.toContain("JOB");
  expect(text).toContain("{{ $labels.realtime_cluster }}");
  expect(text).not.toContain("RealtimeJobsDie");
  expect(text).toContain("RealtimeHubJobsDie");
  expect(text).toContain("RealtimeOperatorHasNoLeader");
});

test("where nobody stands for leader, no alert asks who leads", () => {
  const text = alertsOf("--set", "leaderElection.enabled=false,replicas=1");
  expect(text).not.toContain("leader_election_master_status");
  expect(text).toContain("RealtimeOperatorFails");
});
