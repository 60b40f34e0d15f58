import { expect, test } from "@jest/globals";
import { crdManifest, RULES } from "#crds";

/** Every object in a tree with the path to it. */
const nodes = (value: unknown, path = ""): [string, Record<string, unknown>][] => {
  if (typeof value !== "object" || value === null) return [];
  const here: [string, Record<string, unknown>][] = Array.isArray(value) ? [] : [[path, { ...value }]];
  return [...here, ...Object.entries(value).flatMap(([key, item]) => nodes(item, `${path}/${key}`))];
};

const all = nodes(crdManifest());
const schemas = all.filter(
  ([path, node]) => path.includes("openAPIV3Schema") && typeof node["type"] === "string" && !path.endsWith("/default"),
);

test.each(["oneOf", "anyOf", "allOf", "not", "$ref", "const", "propertyNames", "exclusiveMinimum"])(
  "no %s: the API server refuses it as not structural",
  (keyword) => {
    expect(all.filter(([, node]) => keyword in node).map(([path]) => path)).toEqual([]);
  },
);

test("no additionalProperties: false", () => {
  expect(all.filter(([, node]) => node["additionalProperties"] === false)).toEqual([]);
});

test("strings and lists of spec have bounds, so that rules stay within the cost budget", () => {
  const unbounded = schemas
    .filter(([path]) => path.includes("/properties/spec/"))
    .filter(
      ([, node]) =>
        (node["type"] === "string" && !("maxLength" in node) && !("enum" in node)) ||
        (node["type"] === "array" && !("maxItems" in node)),
    );
  expect(unbounded.map(([path]) => path)).toEqual([]);
});

test("every field tells kubectl explain what it is", () => {
  const fields = schemas.filter(([path]) => /\/properties\/[^/]+$/.test(path) && !path.endsWith("/metadata"));
  expect(fields.length).toBeGreaterThan(150);
  expect(fields.filter(([, { description }]) => typeof description !== "string").map(([path]) => path)).toEqual([]);
});

test("a default carries its fields' defaults: the API server holds it against the rules before it fills them in", () => {
  const gateway = all.find(([path]) => path.endsWith("spec/properties/gateway"))?.[1];
  expect(gateway).toMatchObject({ default: { expose: { type: "ClusterIP", stickiness: "auto" }, limits: {} } });
});

test("an empty spec gets its defaults: objects default to {} down the path", () => {
  const at = (path: string) => all.find(([it]) => it.endsWith(path))?.[1];
  for (const path of [
    "spec/properties/gateway",
    "gateway/properties/limits",
    "gateway/properties/options",
    "spec/properties/adapter",
  ])
    expect(at(path)).toMatchObject({ default: {} });
});

test("every rule with CEL stands beside its field", () => {
  const placed = all.flatMap(([, node]) =>
    Array.isArray(node["x-kubernetes-validations"]) ? node["x-kubernetes-validations"] : [],
  );
  expect(placed).toHaveLength(RULES.filter(({ cel }) => cel !== undefined).length + 1);
});
