import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { z } from "zod";
import { silentLog } from "#process";
import type { KubeObject } from "../runtime/object.ts";
import { openClient } from "../runtime/open-client.ts";
import type { PlanInput } from "./model.ts";
import { planOf } from "./plan.ts";
import { CHAT, EVERYTHING, given, LONGEST, type Given } from "./testing/resources.ts";

const namespace = `plan-${randomBytes(4).toString("hex")}`;

/** Runs kubectl with objects on its standard input; unknown fields and warnings are errors. Throws with its words where it fails. */
const kubectl = (args: readonly string[], objects: readonly KubeObject[] = []): string => {
  const items = objects.map((it) => ({ ...it, metadata: { ...it.metadata, namespace } }));
  const { status, stdout, stderr } = spawnSync("kubectl", args, {
    encoding: "utf8",
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
};
const strictly = ["--validate=strict", "--warnings-as-errors", "-f", "-"];
const accepted = (objects: readonly KubeObject[]) =>
  kubectl(["apply", "--server-side", "--dry-run=server", "--field-manager=realtime-operator", ...strictly], objects);

const workload = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({ volumes: z.array(z.looseObject({ name: z.string() })).default([]) }),
    }),
    volumeClaimTemplates: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })).default([]),
  }),
});

/** The pod that a Deployment or StatefulSet would have made. */
const podOf = (object: KubeObject): KubeObject => {
  const { template, volumeClaimTemplates } = workload.parse(object).spec;
  const claims = volumeClaimTemplates.map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: `${name}-${object.metadata.name}-0` },
  }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...template.metadata, name: `${object.metadata.name}-0` },
    spec: { ...template.spec, volumes: [...template.spec.volumes, ...claims] },
  };
};

beforeAll(() => {
  const labels = Object.fromEntries(
    ["enforce", "warn", "audit"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "restricted"]),
  );
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } };
  const { status, stderr } = spawnSync("kubectl", ["create", "-f", "-"], {
    encoding: "utf8",
    input: JSON.stringify(object),
  });
  if (status !== 0) throw new Error(stderr);
});
afterAll(() => void kubectl(["delete", "namespace", namespace, "--wait=false"]));

const resources: [string, Given][] = [
  ["an empty spec", {}],
  ["the chat example", { spec: CHAT }],
  ["everything set", { name: "rich", spec: EVERYTHING, version: "0.1.3", settings: { isServed: () => false } }],
  ["names at their limits", LONGEST],
  ["a platform that chooses ids", { name: "shift", spec: CHAT, settings: { securityContext: "none" } }],
];

describe.each(resources)("%s", (_what, it) => {
  const input: PlanInput = given({ ...it, namespace });
  const { objects } = planOf(input);

  test("every object is accepted, without a warning", () => {
    const lines = accepted(objects).trim().split("\n");
    expect(lines).toHaveLength(objects.length);
  });

  test("and so is every pod, where Pod Security's restricted is enforced", () => {
    const pods = objects.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet").map(podOf);
    // A pod is admitted only where its account is.
    const accounts = objects.filter(({ kind }) => kind === "ServiceAccount");
    const named = ["edge", "asker"].map((name) => ({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name } }));
    kubectl(["apply", "--server-side", "--validate=strict", "-f", "-"], [...accounts, ...named]);
    const names = kubectl(["create", "--dry-run=server", "-o", "name", "--validate=strict", "-f", "-"], pods);
    expect(names.trim().split("\n")).toHaveLength(pods.length);
  });
});

describe("a count that is not the plan's", () => {
  const client = openClient({ log: silentLog(), registry: new Registry(), userAgent: "plan-test" });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
  });
  const spec = (autoscaling: object) => ({ workers: [{ name: "w", events: ["w"], autoscaling }] });
  const counts = z.looseObject({ spec: z.looseObject({ replicas: z.number() }) });

  /** One pass over the pool's Deployment, as the operator makes it; resolves with its count. */
  const pass = async (name: string, it: Given): Promise<{ replicas: number; live: KubeObject }> => {
    const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace };
    const { objects } = planOf(given({ ...it, name, namespace }));
    const place = objects.find(
      ({ kind, metadata }) => kind === "Deployment" && metadata.name.startsWith(`${name}-worker`),
    );
    if (place === undefined) throw new Error("no Deployment of workers");
    const found = await client.get({ ...ref, name: place.metadata.name });
    const { objects: wanted, counts: taken } = planOf(
      given({ ...it, name, namespace, live: found === undefined ? [] : [found] }),
    );
    for (const { deployment, replicas } of taken)
      await client.apply(
        { ...ref, metadata: { name: deployment, namespace }, spec: { replicas } },
        { fieldManager: "realtime-operator-scale", force: true, subresource: "scale" },
      );
    const object = wanted.find(({ metadata, kind }) => kind === "Deployment" && metadata.name === place.metadata.name);
    if (object === undefined) throw new Error("no Deployment of workers");
    const live = await client.apply(
      { ...object, metadata: { ...object.metadata, namespace } },
      { fieldManager: "realtime-operator", force: true },
    );
    return { replicas: counts.parse(live).spec.replicas, live };
  };

  test("our scaling: it follows, and no pass takes it back", async () => {
    const pool = spec({ minReplicas: 0, maxReplicas: 50 });
    const seen: number[] = [];
    for (const count of [10, 10, 12, 12, 0, 0, 3])
      seen.push((await pass("scaled", { spec: pool, counts: { "worker-w": count } })).replicas);
    expect(seen).toEqual([10, 10, 12, 12, 0, 0, 3]);
  });

  test("an HPA's: it is left alone from the moment that the Deployment is there", async () => {
    const it = { spec: spec({ external: true, minReplicas: 2, maxReplicas: 50 }) };
    const { replicas, live } = await pass("external", it);
    expect(replicas).toBe(2);
    const scaleTo = (count: number) =>
      kubectl(["scale", "-n", namespace, `deployment/${live.metadata.name}`, `--replicas=${count}`]);
    scaleTo(7);
    expect((await pass("external", it)).replicas).toBe(7);
    expect((await pass("external", it)).replicas).toBe(7);
    scaleTo(4);
    expect((await pass("external", it)).replicas).toBe(4);
  });

  test("back to a fixed number: the plan's again", async () => {
    expect((await pass("back", { spec: spec({ maxReplicas: 50 }), counts: { "worker-w": 5 } })).replicas).toBe(5);
    expect((await pass("back", { spec: spec({ maxReplicas: 50 }), counts: { "worker-w": 6 } })).replicas).toBe(6);
    const fixed = { spec: { workers: [{ name: "w", events: ["w"], replicas: 2 }] } };
    expect((await pass("back", fixed)).replicas).toBe(2);
    expect((await pass("back", { spec: spec({ maxReplicas: 50 }), counts: { "worker-w": 8 } })).replicas).toBe(8);
  });
});
