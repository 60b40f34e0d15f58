import type { IncomingMessage } from "node:http";
import { CLIENT_HEADER, writeClient, type ClientAddress } from "./client.ts";

/** Of one connection, and so made anew on the next. */
const OF_THE_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/** Those of `raw` (name, value, name, value, …) that pass, in their order and spelling. */
const passing = (raw: readonly string[], passes: (name: string) => boolean): string[] =>
  raw.flatMap((name, i) => (i % 2 === 0 && passes(name.toLowerCase()) ? [name, raw[i + 1] ?? ""] : []));

const has = (raw: readonly string[], wanted: string): boolean =>
  raw.some((name, i) => i % 2 === 0 && name.toLowerCase() === wanted);

/** Whether a request brings a body, as HTTP/1.1 tells it. */
export const hasBody = (raw: readonly string[]): boolean => has(raw, "content-length") || has(raw, "transfer-encoding");

/** A request's headers as the owner gets them. A body of unknown length stays one, or its bytes would be read as a next request. */
export const requestHeaders = (raw: readonly string[], client: ClientAddress): string[] => [
  ...passing(raw, (name) => !OF_THE_HOP.has(name) && name !== CLIENT_HEADER),
  ...(has(raw, "transfer-encoding") ? ["Transfer-Encoding", "chunked"] : []),
  CLIENT_HEADER,
  writeClient(client),
];

/** An answer's headers as the client gets them. */
export const responseHeaders = (raw: readonly string[]): string[] => passing(raw, (name) => !OF_THE_HOP.has(name));

/** The bytes of an upgrade request, all headers as they came, and what came right behind it. */
export const upgradeBytes = (
  { method, url, httpVersion, rawHeaders }: Pick<IncomingMessage, "method" | "url" | "httpVersion" | "rawHeaders">,
  client: ClientAddress,
  head: Buffer,
): Buffer => {
  const headers = [...passing(rawHeaders, (name) => name !== CLIENT_HEADER), CLIENT_HEADER, writeClient(client)];
  const lines = headers.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${headers[i + 1]}`] : []));
  const text = [`${method} ${url} HTTP/${httpVersion}`, ...lines, "", ""].join("\r\n");
  return Buffer.concat([Buffer.from(text, "latin1"), head]);
};
