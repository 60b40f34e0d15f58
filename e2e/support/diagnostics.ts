import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { kubectl, kubectlJson, listOf, object } from "./kubectl.ts";
import { OPERATOR_NAMESPACE } from "./operator.ts";
import { ARTIFACTS, runLabel } from "./settings.ts";

const orWhy = (text: Promise<string>): Promise<string> => text.catch((error: unknown) => `${String(error)}\n`);

const logsOf = async (namespace: string, into: string): Promise<void> => {
  const { items } = await kubectlJson(listOf(object), ["get", "pods", "-n", namespace]);
  for (const { metadata } of items)
    for (const previous of [false, true]) {
      const args = ["logs", "-n", namespace, metadata.name, "--all-containers", "--tail=3000"];
      const text = await kubectl([...args, ...(previous ? ["--previous"] : [])]).catch(() => "");
      if (text !== "") await writeFile(join(into, `${metadata.name}${previous ? ".previous" : ""}.log`), text);
    }
};

const KINDS =
  "realtimeclusters.realtimecluster.dev,pods,deployments,statefulsets,services,endpointslices,pvc,pdb,networkpolicies,ingresses,configmaps";

/** Leaves in e2e/.artifacts/<name> what a namespace and the operator are like: objects, events, logs; values of Secrets are not among it. */
export const keepDiagnostics = async (name: string, namespaces: readonly string[]): Promise<string> => {
  const root = join(ARTIFACTS, name.replace(/[^a-zA-Z0-9]+/g, "-").slice(0, 80));
  for (const namespace of [...namespaces, OPERATOR_NAMESPACE]) {
    const into = join(root, namespace);
    await mkdir(into, { recursive: true });
    const of = ["-n", namespace];
    const files = {
      "get.txt": kubectl(["get", `${KINDS},secrets`, ...of, "-o", "wide"]),
      "get.yaml": kubectl(["get", KINDS, ...of, "-o", "yaml"]),
      "describe.txt": kubectl([
        "describe",
        "realtimeclusters.realtimecluster.dev,pods,deployments,statefulsets",
        ...of,
      ]),
      "events.txt": kubectl(["get", "events", ...of, "--sort-by=.lastTimestamp"]),
    };
    for (const [file, text] of Object.entries(files)) await writeFile(join(into, file), await orWhy(text));
    await logsOf(namespace, into).catch(() => {});
  }
  await writeFile(join(root, "nodes.txt"), await orWhy(kubectl(["describe", "nodes"])));
  return root;
};

/** Namespaces of this run's tests that are still there. */
export const testNamespaces = async (): Promise<string[]> =>
  z
    .object({ items: z.array(object) })
    .parse(JSON.parse(await kubectl(["get", "namespaces", "-l", `e2e=${runLabel()}`, "-o", "json"])))
    .items.map(({ metadata }) => metadata.name);
