import { z } from "zod";
import { ERRORS, type ErrorCode } from "./errors.ts";
import { COMMON_REFUSALS, OPENAPI_PATH, OPERATIONS } from "./http.ts";

type Json = Record<string, unknown>;
type Operation = (typeof OPERATIONS)[keyof typeof OPERATIONS];

/** Open for fields to come in answers: `input` leaves out additionalProperties where the schema is not strict. */
const schemaOf = (schema: z.ZodType): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12", io: "input" });
  return rest;
};

const content = (schema: Json): Json => ({ "application/json": { schema } });

const propertiesOf = (schema: z.ZodObject): [string, z.ZodType, boolean][] =>
  Object.entries(schema.shape).map(([name, it]) => [name, it, !it.safeParse(undefined).success]);

const parametersOf = ({ params, query }: Operation): Json[] => [
  ...propertiesOf(params).map(([name, it]) => ({ name, in: "path", required: true, schema: schemaOf(it) })),
  ...propertiesOf(query).map(([name, it, required]) => ({
    name,
    in: "query",
    required,
    schema: schemaOf(it),
  })),
];

const refusalResponses = (codes: readonly ErrorCode[]): Record<string, Json> => {
  const byStatus = Object.groupBy([...codes], (code) => String(ERRORS[code].status));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, of = []]) => [
      status,
      {
        description: of.map((code) => `\`${code}\`: ${ERRORS[code].message}.`).join("\n"),
        content: content({
          allOf: [
            { $ref: "#/components/schemas/Refusal" },
            { type: "object", properties: { error: { type: "object", properties: { code: { enum: of } } } } },
          ],
        }),
      },
    ]),
  );
};

const hasBody = ({ body }: Operation): boolean => !(body instanceof z.ZodObject && propertiesOf(body).length === 0);

const operationOf = (id: string, operation: Operation): Json => ({
  operationId: id,
  summary: operation.summary,
  parameters: parametersOf(operation),
  ...(hasBody(operation) && {
    requestBody: {
      required: !operation.body.safeParse({}).success,
      content: content(schemaOf(operation.body)),
    },
  }),
  responses: {
    [operation.status]: { description: "Done.", content: content(schemaOf(operation.response)) },
    ...refusalResponses([...COMMON_REFUSALS, ...operation.refusals]),
  },
});

/** The path of an operation as OpenAPI writes it: `/api/jobs/{id}`. */
export const openapiPath = (path: string): string => path.replaceAll(/:(\w+)/g, "{$1}");

const paths = (): Record<string, Json> => {
  const all: Record<string, Json> = {};
  for (const [id, operation] of Object.entries(OPERATIONS)) {
    const path = (all[openapiPath(operation.path)] ??= {});
    path[operation.method] = operationOf(id, operation);
  }
  all[OPENAPI_PATH] = {
    get: {
      operationId: "getOpenapi",
      summary: "This document.",
      security: [],
      responses: { "200": { description: "OpenAPI 3.1.", content: content({ type: "object" }) } },
    },
  };
  return all;
};

/** The HTTP API as an OpenAPI 3.1 document, made of `OPERATIONS` and the table of errors alone. */
export const openapiDocument = (): Json => ({
  openapi: "3.1.0",
  info: {
    title: "RealtimeCluster HTTP API",
    version: "1",
    description: "Served by every gateway on gateway.api.port. Every refusal is `{ok: false, error: {code, message}}`.",
  },
  servers: [{ url: "http://localhost:3001" }],
  security: [{ key: [] }],
  paths: paths(),
  components: {
    securitySchemes: {
      key: { type: "http", scheme: "bearer", description: "A key of gateway.api.keysSecretRef." },
    },
    schemas: {
      Refusal: {
        type: "object",
        required: ["ok", "error"],
        properties: {
          ok: { const: false },
          error: {
            type: "object",
            required: ["code", "message"],
            properties: { code: { type: "string", enum: Object.keys(ERRORS) }, message: { type: "string" } },
          },
        },
      },
    },
  },
});
