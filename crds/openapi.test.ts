import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { ERRORS } from "./errors.ts";
import { OPERATIONS, type OperationId } from "./http.ts";
import { openapiDocument, openapiPath } from "./openapi.ts";

const schema = z.looseObject({});
const response = z.strictObject({
  description: z.string().min(1),
  content: z.strictObject({ "application/json": z.strictObject({ schema }) }),
});

/** OpenAPI 3.1, as far as this document uses it. */
const documentSchema = z.strictObject({
  openapi: z.literal("3.1.0"),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  servers: z.array(z.strictObject({ url: z.url() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  paths: z.record(
    z.string().startsWith("/"),
    z.record(
      z.enum(["get", "post", "put", "delete"]),
      z
        .strictObject({
          operationId: z.string(),
          summary: z.string().min(1),
          security: z.array(z.unknown()).optional(),
          parameters: z
            .array(z.strictObject({ name: z.string(), in: z.enum(["path", "query"]), required: z.boolean(), schema }))
            .optional(),
          requestBody: z
            .strictObject({
              required: z.boolean(),
              content: z.strictObject({ "application/json": z.strictObject({ schema }) }),
            })
            .optional(),
          responses: z.record(z.string().regex(/^[2-5]\d\d$/), response),
        })
        .optional(),
    ),
  ),
  components: z.strictObject({ securitySchemes: z.record(z.string(), schema), schemas: z.record(z.string(), schema) }),
});

const document = documentSchema.parse(JSON.parse(JSON.stringify(openapiDocument())));
const operations = Object.keys(OPERATIONS) as OperationId[];

const compare = (a: string | undefined, b: string | undefined): number => (a ?? "").localeCompare(b ?? "");

const refsIn = (value: unknown): string[] => {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, it]) => (key === "$ref" ? [String(it)] : refsIn(it)));
};

describe("the OpenAPI document", () => {
  test("operation ids are unique, and method and path too", () => {
    const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map((it) => it?.operationId));
    expect(ids.toSorted(compare)).toEqual([...operations, "getOpenapi"].toSorted(compare));
  });

  test("every reference leads somewhere", () => {
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect([...new Set(refsIn(document))]).toEqual(known);
  });

  test.each(operations)("%s has the parameters of its path, its answer and its refusals", (id) => {
    const { path, method, status, refusals } = OPERATIONS[id];
    const it = document.paths[openapiPath(path)]?.[method];
    const named = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    expect(it?.parameters?.filter((parameter) => parameter.in === "path").map(({ name }) => name)).toEqual(named);
    const statuses = ["unauthorized", "invalid_payload", "internal", ...refusals] as const;
    const expected = [status, ...statuses.map((code) => ERRORS[code].status)].map(String);
    expect(Object.keys(it?.responses ?? {}).sort()).toEqual([...new Set(expected)].sort());
  });

  test("only what changes something by a body has one", () => {
    const withBody = operations.filter((id) => {
      const { path, method } = OPERATIONS[id];
      return document.paths[openapiPath(path)]?.[method]?.requestBody !== undefined;
    });
    expect(withBody).toEqual(["publish", "submitJob", "revoke", "redriveDead"]);
  });

  test("a reader that knows JSON Schema alone is told that exactly one target is needed", () => {
    const body = document.paths["/api/publish"]?.post?.requestBody?.content["application/json"].schema;
    expect(body?.["oneOf"]).toEqual([{ required: ["channel"] }, { required: ["user"] }, { required: ["broadcast"] }]);
  });
});
