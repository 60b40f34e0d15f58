import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { z } from "zod";
import { CASES } from "./statuses.ts";

const GROUP = "flux-test.realtimecluster.dev";
const kustomization = z.object({
  spec: z.object({
    healthCheckExprs: z.tuple([z.object({ inProgress: z.string(), failed: z.string(), current: z.string() })]),
  }),
});

const kubectl = (args: readonly string[], input = "") => spawnSync("kubectl", args, { input, encoding: "utf8" });

const text = { type: "string", maxLength: 512 };
const number = { type: "integer" };
const object = {
  type: "object",
  properties: {
    metadata: { type: "object", properties: { generation: number, deletionTimestamp: text } },
    status: {
      type: "object",
      default: {},
      properties: {
        observedGeneration: number,
        conditions: {
          type: "array",
          maxItems: 16,
          items: { type: "object", properties: { type: text, status: text, reason: text, message: text } },
        },
      },
    },
  },
};

/** A kind whose rule is Flux's order: in progress, failed, current; the expressions' variables are the fields of `object`. */
const crd = () => {
  const [{ inProgress, failed, current }] = kustomization.parse(parse(readFileSync("docs/gitops/flux.yaml", "utf8")))
    .spec.healthCheckExprs;
  const on = (expression: string) => expression.replaceAll(/(?<![\w.])(status|metadata)\./g, "self.object.$1.");
  const rule = `self.expected == ((${on(inProgress)}) ? 'inProgress' : (${on(failed)}) ? 'failed' : (${on(current)}) ? 'current' : 'none')`;
  const spec = {
    type: "object",
    properties: { expected: text, object },
    "x-kubernetes-validations": [{ rule, message: "Flux would say otherwise" }],
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `healths.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { kind: "Health", plural: "healths" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
        },
      ],
    },
  };
};

const tried = (expected: string, { metadata, status }: (typeof CASES)[string]) =>
  kubectl(
    ["create", "--dry-run=server", "-f", "-"],
    JSON.stringify({
      apiVersion: `${GROUP}/v1`,
      kind: "Health",
      metadata: { name: "x", namespace: "default" },
      spec: { expected, object: { metadata, ...(status === undefined ? {} : { status }) } },
    }),
  ).stderr;

beforeAll(() => {
  const { status, stderr } = kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(crd()));
  if (status !== 0) throw new Error(stderr);
  kubectl(["wait", "--for=condition=Established", `crd/healths.${GROUP}`, "--timeout=30s"]);
});

afterAll(() => void kubectl(["delete", "crd", `healths.${GROUP}`, "--ignore-not-found"]));

test.each(Object.entries(CASES))("Flux, %s", (_case, it) => {
  expect(tried(it.flux, it)).toBe("");
});

test("another answer is refused: the rule is in force", () => {
  expect(Object.values(CASES).map((it) => tried("anything", it))).toEqual(
    Object.values(CASES).map(() => expect.stringContaining("Flux would say otherwise")),
  );
});
