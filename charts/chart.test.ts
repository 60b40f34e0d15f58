import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { collectDefaultMetrics, Registry } from "prom-client";
import { parse } from "yaml";
import { z } from "zod";
import { registerGauges } from "../gateway/gauges.ts";
import { CHILD_KINDS } from "../operator/kube/children.ts";
import { optionsOf, schemaAt, schemaLeaves } from "../scripts/chart/values.ts";

const CHART = "charts/realtime-operator";
const read = (file: string): string => readFileSync(`${CHART}/${file}`, "utf8");
const sets = readdirSync(`${CHART}/ci`);

describe("values", () => {
  const options = optionsOf(read("values.yaml"));
  const paths = options.map(({ path }) => path);

  test("each says what it is", () => {
    expect(options.filter(({ text }) => text === "")).toEqual([]);
  });

  test("each is in the schema, and the schema has no other", () => {
    expect(paths.filter((path) => schemaAt(read("values.schema.json"), path) === undefined)).toEqual([]);
    const known = (path: string) => paths.some((it) => path === it || path.startsWith(`${it}.`));
    expect(schemaLeaves(read("values.schema.json")).filter((path) => path !== "global" && !known(path))).toEqual([]);
  });

  test("each is set to something else in a value set of ci/", () => {
    const set = sets.map((file): unknown => parse(read(`ci/${file}`)));
    const at = (values: unknown, path: string) =>
      path
        .split(".")
        .reduce<unknown>(
          (it, key) => (typeof it === "object" && it !== null ? Reflect.get(it, key) : undefined),
          values,
        );
    const differs = (path: string, usual: unknown) =>
      set.some(
        (values) => at(values, path) !== undefined && JSON.stringify(at(values, path)) !== JSON.stringify(usual),
      );
    expect(options.filter((it) => !differs(it.path, it.default)).map(({ path }) => path)).toEqual([]);
  });

  test("each is in the README", () => {
    const rows = read("README.md").split("\n");
    expect(paths.filter((path) => !rows.some((row) => row.startsWith(`| \`${path}\` |`)))).toEqual([]);
  });
});

test("the chart has the project's version", () => {
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync("package.json", "utf8")));
  expect(parse(read("Chart.yaml"))).toMatchObject({ version, appVersion: version, kubeVersion: ">=1.30.0-0" });
});

describe("the operator's rules", () => {
  const text = read("templates/_rules.tpl").split("\n");
  const rules = z
    .array(z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }))
    .parse(parse(text.filter((line) => /^(#|- |  [a-z])/.test(line)).join("\n")));
  const verbsOn = (resource: string) =>
    rules.filter(({ resources }) => resources.includes(resource)).flatMap(({ verbs }) => verbs);

  test("each says why it is there", () => {
    const silent = text.filter((line, n) => line.startsWith("- apiGroups") && !text[n - 1]?.startsWith("#"));
    expect(silent).toEqual([]);
    expect(rules.length).toBeGreaterThan(10);
  });

  test("none has a wildcard, a write that is no apply, or a deletion of many", () => {
    const words = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
    expect(words.filter((word) => word.includes("*") || word === "update" || word === "deletecollection")).toEqual([]);
  });

  test.each([
    ["Secrets are made and filled in, never deleted", "secrets", ["get", "list", "watch", "create", "patch"]],
    ["claims are grown, never made or deleted", "persistentvolumeclaims", ["get", "list", "watch", "patch"]],
    ["pods are marked, never deleted", "pods", ["get", "list", "watch", "patch"]],
    ["the resource is read", "realtimeclusters", ["get", "list", "watch"]],
    ["the status is written", "realtimeclusters/status", ["patch"]],
    ["roles are nobody's business", "roles", []],
    ["nor are nodes", "nodes", []],
  ])("%s", (_sentence, resource, verbs) => {
    expect(verbsOn(resource)).toEqual(verbs);
  });

  const pluralOf = (kind: string) => kind.toLowerCase().replace(/y$/, "ie").replace(/s$/, "se") + "s";

  test.each(CHILD_KINDS.map(({ apiVersion, kind }): [string, string] => [kind, apiVersion]))(
    "%s is a kind that the operator follows, and may",
    (kind, apiVersion) => {
      const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
      const rule = rules.find(
        ({ apiGroups, resources }) => apiGroups.includes(group ?? "") && resources.includes(pluralOf(kind)),
      );
      expect(rule?.verbs).toEqual(expect.arrayContaining(["get", "list", "watch", "patch"]));
    },
  );

  test("each verb on Secrets has its reason beside it", () => {
    const reasons = text.filter((line) => /^#   [a-z]+ +[a-z]/.test(line)).map((line) => line.split(/ +/)[1]);
    expect(reasons).toEqual(verbsOn("secrets"));
  });
});

describe("monitoring", () => {
  const FOLDERS = ["adapter", "broker", "gateway", "hub", "link", "operator", "process", "runner", "store", "worker"];
  const sources = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.endsWith("test.ts") && !file.includes("suite"))
      .map((file) => readFileSync(`${folder}/${file}`, "utf8")),
  );
  const named = sources.flatMap((text) => [...text.matchAll(/"([a-z]+_[a-z_]+)"/g)].map(([, name]) => name));
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const none = () => 0;
  registerGauges(registry, {
    connections: none,
    gateway_carried_connections: none,
    gateway_carried_requests: none,
    local_channels: none,
    acks_owed: none,
    queued_unrecorded: none,
    requests_waiting: none,
    presence_underway: none,
  });
  const known = new Set([...named, ...registry.getMetricsAsArray().map(({ name }) => name)]);
  const metricsOf = (promql: string): string[] =>
    [...promql.replaceAll(/"[^"]*"/g, '""').matchAll(/([a-z_][a-z0-9_]*)(?=[{[])/g)].map(([name]) => name);
  const exists = (metric: string) => known.has(metric) || known.has(metric.replace(/_(bucket|sum|count)$/, ""));

  const target = z.object({ expr: z.string() });
  const { panels, templating } = z
    .object({
      panels: z.array(z.object({ title: z.string(), targets: z.array(target).default([]) })),
      templating: z.object({ list: z.array(z.object({ definition: z.string().default("") })) }),
    })
    .parse(JSON.parse(read("files/dashboard.json")));
  const queries = panels.flatMap(({ title, targets }) => targets.map(({ expr }): [string, string] => [title, expr]));

  test.each(queries)("the dashboard's panel %s asks for what there is: %s", (_title, expr) => {
    expect(metricsOf(expr)).not.toEqual([]);
    expect(metricsOf(expr).filter((metric) => !exists(metric))).toEqual([]);
  });

  test("the dashboard's choices ask for what there is", () => {
    const asked = templating.list.flatMap(({ definition }) => /^label_values\(([a-z_]+)/.exec(definition)?.[1] ?? []);
    expect(asked).toHaveLength(3);
    expect(asked.filter((metric) => !exists(metric))).toEqual([]);
  });

  const alert = z.strictObject({
    alert: z.string().startsWith("Realtime"),
    expr: z.string(),
    for: z.string().optional(),
    labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
    annotations: z.strictObject({ summary: z.string().endsWith("."), description: z.string().endsWith(".") }),
  });
  const alerts = z
    .object({ groups: z.array(z.object({ rules: z.array(alert) })) })
    .parse(parse(read("files/alerts.yaml")))
    .groups.flatMap(({ rules }) => rules);

  test("alerts have names of their own", () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  test.each(alerts.map(({ alert, expr }): [string, string] => [alert, expr]))(
    "%s asks for what there is",
    (_alert, expr) => {
      const metrics = metricsOf(expr);
      expect(metrics).not.toEqual([]);
      expect(metrics.filter((metric) => !exists(metric))).toEqual([]);
    },
  );
});
