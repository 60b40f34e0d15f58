import { join } from "node:path";
import { z } from "zod";
import { run } from "./command.ts";
import { isReady, kubectl, kubectlJson, listOf, pod, type Pod } from "./kubectl.ts";
import { portForward } from "./port-forward.ts";
import { DEFAULT_IMAGE, IMAGE, ROOT } from "./settings.ts";
import { waitFor } from "./wait-for.ts";

export const OPERATOR_NAMESPACE = "realtime-system";
const RELEASE = "realtime";
const SELECTOR = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component=operator`;

/** `repository:tag` in two; the registry's port is no tag. */
export const imageParts = (image: string): { repository: string; tag: string } => {
  const [, repository = image, tag = "latest"] = /^(.*?)(?::([^:/]+))?$/.exec(image) ?? [];
  return { repository, tag };
};

/** Installs the operator, or upgrades it, with these `--set` values alone; resolves once its pods are ready, and no former one is left. */
export const installOperator = async (values: Record<string, string> = {}, image = IMAGE): Promise<void> => {
  const { repository, tag } = imageParts(image);
  const images = {
    "image.repository": repository,
    "image.tag": tag,
    "dataPlane.image.repository": repository,
    "dataPlane.version": tag,
  };
  const set = { ...(image === DEFAULT_IMAGE ? {} : images), ...values };
  const releases = await run("helm", ["list", "--short", "--namespace", OPERATOR_NAMESPACE]);
  const verb = releases.split("\n").includes(RELEASE) ? "upgrade" : "install";
  const where = ["--namespace", OPERATOR_NAMESPACE, "--wait", "--timeout", "3m"];
  const more = (process.env["E2E_HELM_ARGS"] ?? "").split(" ").filter((part) => part !== "");
  const args = Object.entries(set).flatMap(([key, value]) => ["--set-string", `${key}=${value}`]);
  await run(
    "helm",
    [
      verb,
      // An upgrade that is given no values would keep the last ones.
      verb === "install" ? "--create-namespace" : "--reset-values",
      RELEASE,
      join(ROOT, "charts/realtime-operator"),
      ...where,
      ...args,
      ...more,
    ],
    {
      timeoutMs: 240_000,
    },
  );
  await waitFor(
    async () => {
      if (!(await operatorPods()).every(isReady)) throw new Error("former pods of the operator are still there");
    },
    { timeoutMs: 60_000 },
  );
};

/** Uninstalls the operator; its CustomResourceDefinition and all clusters stay. Resolves once its pods are gone. */
export const uninstallOperator = async (): Promise<void> => {
  await run("helm", ["uninstall", RELEASE, "--namespace", OPERATOR_NAMESPACE, "--wait", "--ignore-not-found"]);
  await waitFor(async () => {
    if ((await operatorPods()).length > 0) throw new Error("the operator's pods are still there");
  });
};

/** The operator's pods, ready or not. */
export const operatorPods = async (): Promise<Pod[]> =>
  (await kubectlJson(listOf(pod), ["get", "pods", "-n", OPERATOR_NAMESPACE, "-l", SELECTOR])).items;

/** Scales the operator; resolves once as many pods are ready, and no other is left. */
export const scaleOperator = async (replicas: number): Promise<void> => {
  await kubectl(["scale", "deployment", "-n", OPERATOR_NAMESPACE, "-l", SELECTOR, `--replicas=${replicas}`]);
  await waitFor(
    async () => {
      const pods = await operatorPods();
      if (pods.length !== replicas || !pods.every(isReady))
        throw new Error(`${pods.filter(isReady).length} of ${replicas} operators are ready, ${pods.length} are there`);
    },
    { timeoutMs: 120_000 },
  );
};

const lease = z.looseObject({ spec: z.looseObject({ holderIdentity: z.string().optional() }) });

/** The pod that acts, by its Lease. Rejects while there is none. */
export const leader = async (): Promise<Pod> => {
  const { spec } = await kubectlJson(lease, ["get", "lease", "-n", OPERATOR_NAMESPACE, "realtime-operator"]);
  const holder = spec.holderIdentity ?? "";
  const found = (await operatorPods()).find(
    ({ metadata }) => holder === metadata.name || holder.startsWith(`${metadata.name}-`),
  );
  if (found === undefined) throw new Error(`the lease is held by ${JSON.stringify(holder)}, which is no pod`);
  return found;
};

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Prometheus' text format. */
export const samplesOf = (text: string): Sample[] =>
  text.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(LABEL)].map(([, key = "", value = ""]) => [key, value] as const);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });

/** What the metrics of an operator's pod say now. */
export const metricsOf = async ({ metadata }: Pod): Promise<Sample[]> => {
  await using forward = await portForward(OPERATOR_NAMESPACE, `pod/${metadata.name}`, 8080);
  return samplesOf(await (await fetch(`http://127.0.0.1:${forward.port}/metrics`)).text());
};

/** The sum of a metric's samples that have the given labels. */
export const sumOf = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number =>
  samples
    .filter((it) => it.name === name && Object.entries(labels).every(([key, value]) => it.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
