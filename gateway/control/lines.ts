import type { ServerResponse } from "node:http";

/** Writes values as NDJSON. A value is left out while the reader has not taken the last ones: a later one says more. */
export const lineWriter =
  (response: Pick<ServerResponse, "write" | "writableNeedDrain">) =>
  (value: unknown): void => {
    if (!response.writableNeedDrain) response.write(`${JSON.stringify(value)}\n`);
  };
