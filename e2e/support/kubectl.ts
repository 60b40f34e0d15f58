import { z } from "zod";
import { run, type CommandOptions } from "./command.ts";

/** Runs kubectl against the cluster of KUBECONFIG. */
export const kubectl = (args: readonly string[], options: CommandOptions = {}): Promise<string> =>
  run("kubectl", args, options);

/** Runs kubectl with `-o json` and resolves with what the schema makes of it. */
export const kubectlJson = async <T extends z.ZodType>(schema: T, args: readonly string[]): Promise<z.infer<T>> =>
  schema.parse(JSON.parse(await kubectl([...args, "-o", "json"])));

/** Applies manifests, YAML or JSON; resolves with what kubectl said. */
export const apply = (manifest: string, args: readonly string[] = []): Promise<string> =>
  kubectl(["apply", ...args, "-f", "-"], { input: manifest });

const strings = z.record(z.string(), z.string());

/** The part of any object that tests look at; the rest is kept. */
export const object = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number().optional(),
    labels: strings.default({}),
    annotations: strings.default({}),
    deletionTimestamp: z.string().optional(),
  }),
});
export type Thing = z.infer<typeof object>;

const state = z.looseObject({ type: z.string(), status: z.string() });

export const pod = object.extend({
  spec: z.looseObject({ nodeName: z.string().optional() }),
  status: z.looseObject({ phase: z.string(), conditions: z.array(state).default([]), podIP: z.string().optional() }),
});
export type Pod = z.infer<typeof pod>;

/** Whether it is ready and stays. */
export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status.conditions.some(({ type, status }) => type === "Ready" && status === "True");

export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
