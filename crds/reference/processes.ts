import { z } from "zod";
import { entryEnvironment, gatewayEnvironment, hubEnvironment, workerEnvironment } from "../environment.ts";
import { ERRORS } from "../errors.ts";
import { table } from "./table.ts";

const LEVELS = {
  event: "the ack, or the event `refused`",
  connect: "CONNECT_ERROR, `data.code`",
  close: "a closed connection",
};

/** docs/reference/errors.md */
export const errorReference = (): string =>
  [
    "# Error codes\n",
    "Every refusal is `{ok: false, error: {code, message}}`. A passing one may be sent again as it is; job ids make that safe.\n",
    table(
      ["code", "met as", "HTTP", "passing", "message"],
      Object.entries(ERRORS).map(([code, { level, status, passing, message }]) => [
        `\`${code}\``,
        LEVELS[level],
        String(status),
        passing ? "yes" : "no",
        message,
      ]),
    ),
  ].join("\n");

interface JsonObject {
  properties?: Record<string, { default?: unknown; description?: string }>;
  required?: string[];
}

const variables = (schema: z.ZodType): string[][] => {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
  }) as JsonObject;
  return Object.entries(properties).map(([name, it]) => [
    `\`${name}\``,
    it.default === undefined
      ? required.includes(name)
        ? "required"
        : ""
      : `\`${typeof it.default === "string" ? it.default : JSON.stringify(it.default)}\``,
    it.description ?? "",
  ]);
};

/** docs/reference/environment.md */
export const environmentReference = (): string =>
  [
    "# Environment of the processes\n",
    "What the control plane gives each process. A `*_DIR` is a directory with one file per key (`uri`, or `host`, `port`, `username`, `password`, and `ca.crt`), as a mounted Secret is.\n",
    ...Object.entries({
      gateway: gatewayEnvironment,
      worker: workerEnvironment,
      hub: hubEnvironment,
      entry: entryEnvironment,
    }).flatMap(([role, schema]) => [`## ${role}\n`, table(["variable", "default", ""], variables(schema))]),
  ].join("\n");
