import { z } from "zod";
import type { Rule } from "../resource/rules.ts";

/** The part of an OpenAPI v3 schema that a CustomResourceDefinition may use. */
export interface Structural {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Structural>;
  items?: Structural;
  additionalProperties?: Structural | boolean;
  required?: string[];
  [keyword: string]: unknown;
}

const FREE = { "x-kubernetes-preserve-unknown-fields": true } as const;

/** Bounds that the API server needs to know the cost of a CEL rule, where the schema has none. */
const bounded = (it: Structural): Structural => {
  if (it.type === "string" && it["maxLength"] === undefined && it.enum === undefined) return { ...it, maxLength: 1024 };
  if (it.type === "array" && it["maxItems"] === undefined) return { ...it, maxItems: 64 };
  return it;
};

const typeOfEnum = (values: unknown[]): string =>
  values.every((value) => typeof value === "number") ? "integer" : "string";

/** One JSON schema node of zod's, as Kubernetes wants it: structural, no additionalProperties: false, free-form parts preserved. */
const structural = (node: Structural): Structural => {
  const { additionalProperties, propertyNames: _names, const: constant, ...rest } = node;
  const it: Structural = constant === undefined ? rest : { ...rest, enum: [constant] };
  if (it.enum !== undefined && it.type === undefined) it.type = typeOfEnum(it.enum);
  if (it.enum !== undefined && it.enum.every((value) => typeof value === "number")) it.type = "integer";
  if (it.items !== undefined) it.items = structural(it.items);
  if (it.properties !== undefined) {
    it.properties = Object.fromEntries(
      Object.entries(it.properties).map(([name, property]) => [name, structural(property)]),
    );
    return it;
  }
  if (it.type === "object" && typeof additionalProperties === "object" && additionalProperties.type === "string")
    return { ...it, additionalProperties: { type: "string", maxLength: 1024 }, maxProperties: 64 };
  if (it.type === "object") return { ...it, ...FREE };
  return bounded(it);
};

const withRule = (node: Structural, path: readonly string[], validation: object): Structural => {
  const [key, ...rest] = path;
  if (key === undefined) {
    const rules = node["x-kubernetes-validations"];
    return { ...node, "x-kubernetes-validations": [...(Array.isArray(rules) ? rules : []), validation] };
  }
  if (key === "[]") return { ...node, items: withRule(node.items ?? {}, rest, validation) };
  const property = node.properties?.[key];
  if (property === undefined) throw new Error(`a rule's path names no field: ${path.join(".")}`);
  return { ...node, properties: { ...node.properties, [key]: withRule(property, rest, validation) } };
};

/**
 * Defaults of objects with the defaults of their fields in them: the API server holds a default against the object's rules before it
 * fills in the fields', and refuses `{}` where a rule reads one of them.
 */
export const withWholeDefaults = (node: Structural): Structural => {
  const it: Structural = { ...node };
  if (node.items !== undefined) it.items = withWholeDefaults(node.items);
  if (node.properties === undefined) return it;
  it.properties = Object.fromEntries(
    Object.entries(node.properties).map(([name, property]) => [name, withWholeDefaults(property)]),
  );
  if (typeof node.default === "object" && node.default !== null) {
    const fields = Object.entries(it.properties).filter(([, property]) => property.default !== undefined);
    it.default = { ...Object.fromEntries(fields.map(([name, property]) => [name, property.default])), ...node.default };
  }
  return it;
};

/** `gateway.auth`, `workers[].retry` → keys of the schema. */
const keysOf = (at: string): string[] => at.split(/\.|(?=\[\])/).filter((key) => key !== "");

/** The structural schema of a zod object with the rules' CEL beside their fields. */
export const structuralSchema = (schema: z.ZodType, rules: readonly Rule[]): Structural => {
  const { $schema: _version, ...node } = z.toJSONSchema(schema, { target: "openapi-3.0", io: "input" }) as Structural;
  return rules.reduce(
    (it, { at, cel, message }) => (cel === undefined ? it : withRule(it, keysOf(at), { rule: cel, message })),
    structural(node),
  );
};
