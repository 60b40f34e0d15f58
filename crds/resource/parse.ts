import type { z } from "zod";
import { realtimeCluster, type RealtimeCluster } from "./realtime-cluster.ts";
import { brokenRules, type Problem } from "./rules.ts";

export type Parsed = { ok: true; value: RealtimeCluster } | { ok: false; problems: Problem[] };

/** `["spec", "workers", 0, "name"]` as people write it. */
const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}${text === "" ? "" : "."}${String(key)}`),
    "",
  );

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

const at = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (it, key) => (typeof it === "object" && it !== null ? (Reflect.get(it, key) as unknown) : undefined),
    input,
  );

/** Edits that make one of two short words the other; the usual dynamic program. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length] ?? 0;
};

/** The fields that the schema knows at `path`. */
const knownFields = (schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] => {
  const { def } = schema._zod as unknown as {
    def: { innerType?: z.core.$ZodType; element?: z.core.$ZodType; shape?: Record<string, z.core.$ZodType> };
  };
  if (def.innerType !== undefined) return knownFields(def.innerType, path);
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(def.shape ?? {});
  const next = typeof key === "number" ? def.element : def.shape?.[String(key)];
  return next === undefined ? [] : knownFields(next, rest);
};

const unknownField = (key: string, known: string[]): string => {
  const near = known
    .map((name) => [distance(key.toLowerCase(), name.toLowerCase()), name] as const)
    .sort(([a], [b]) => a - b)[0];
  if (near !== undefined && near[0] <= Math.max(2, key.length / 3))
    return `there is no such field; did you mean ${near[1]}?`;
  return `there is no such field; the fields here are ${known.join(", ")}`;
};

const problemsOf = (issue: z.core.$ZodIssue, input: unknown): Problem[] => {
  const path = pathOf(issue.path);
  const value = at(input, issue.path);
  const problem = (message: string): Problem[] => [{ path, message }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: pathOf([...issue.path, key]),
        message: unknownField(key, knownFields(realtimeCluster, issue.path)),
      }));
    case "invalid_type":
      return problem(
        value === undefined
          ? `is missing: ${issue.expected} is needed`
          : `is ${shown(value)}, ${issue.expected} is needed`,
      );
    case "invalid_value":
      return problem(
        `is ${value === undefined ? "missing" : shown(value)}; ${issue.values.length === 1 ? "it must be" : "one of"} ${issue.values.map(String).join(", ")}`,
      );
    case "too_small":
      return problem(
        `is ${shown(value)}, at least ${String(issue.minimum)}${issue.origin === "number" || issue.origin === "int" ? "" : " long"} is needed`,
      );
    case "too_big":
      return problem(
        `is ${shown(value)}, at most ${String(issue.maximum)}${issue.origin === "number" || issue.origin === "int" ? "" : " long"} is allowed`,
      );
    case "invalid_union":
      return problem(
        `is ${shown(value)}: ${issue.errors
          .flat()
          .map(({ message }) => message)
          .join(" or ")}`,
      );
    default:
      return problem(`is ${shown(value)}: ${issue.message}`);
  }
};

/** The resource behind what a file holds, or all that is wrong with it. */
export const parseRealtimeCluster = (input: unknown): Parsed => {
  const result = realtimeCluster.safeParse(input);
  if (!result.success) return { ok: false, problems: result.error.issues.flatMap((issue) => problemsOf(issue, input)) };
  const problems = brokenRules(result.data.spec);
  return problems.length === 0 ? { ok: true, value: result.data } : { ok: false, problems };
};
