import { describe, expect, test } from "@jest/globals";
import { openapiDocument, openapiPath } from "#crds";
import { z } from "zod";
import { apiContext } from "../testing/api-context.ts";
import { call } from "../testing/http.ts";
import { createApp } from "./create-app.ts";
import { serveApi } from "./index.ts";

const layer = z.looseObject({
  route: z
    .looseObject({ path: z.string(), stack: z.array(z.looseObject({ method: z.string().optional() })) })
    .optional(),
});

describe("routes of the HTTP API", () => {
  test("the app serves what the document describes, and nothing else", () => {
    const app = createApp(apiContext(), () => []);
    const served = z
      .array(layer)
      .parse(app.router.stack)
      .flatMap(({ route }) =>
        route === undefined
          ? []
          : [...new Set(route.stack.map(({ method }) => `${method} ${openapiPath(route.path)}`))],
      );
    const paths = z.record(z.string(), z.record(z.string(), z.unknown())).parse(openapiDocument()["paths"]);
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(served.sort()).toEqual(described.sort());
  });

  test("the document needs no key", async () => {
    const keys = { current: () => ({}) };
    await using api = await serveApi(apiContext(), { host: "127.0.0.1", port: 0, keys });
    const { status, body } = await call(api.port, "GET /api/openapi.json");
    expect(status).toBe(200);
    expect(body).toEqual(openapiDocument());
  });
});
