import { spawnSync } from "node:child_process";
import { parseAllDocuments } from "yaml";
import { z } from "zod";

export const CHART = "charts/realtime-operator";

/** How a program ended, and what it said. */
export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export const run = (program: string, args: readonly string[], input?: string): Ran => {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    ...(input === undefined ? {} : { input }),
  });
  return { status: error === undefined ? (status ?? 1) : 127, stdout: stdout ?? "", stderr: stderr ?? String(error) };
};

/** As `run`; throws with what the program said where it fails. */
export const must = (program: string, args: readonly string[], input?: string): Ran => {
  const ran = run(program, args, input);
  if (ran.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${ran.stderr}${ran.stdout}`);
  return ran;
};

/** The helms that are on the path: 3 as `helm3`, 4 as `helm`, or whichever `helm` is. */
export const helms = ["helm3", "helm"].filter((name) => run(name, ["version"]).status === 0);

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  rules: z
    .array(
      z.looseObject({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
    )
    .optional(),
  roleRef: z.object({ kind: z.string(), name: z.string() }).optional(),
});
export type Manifest = z.infer<typeof manifest>;

/** The objects in a stream of YAML documents. */
export const manifestsIn = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter((it) => it !== null && it !== undefined)
    .map((it) => manifest.parse(it));
