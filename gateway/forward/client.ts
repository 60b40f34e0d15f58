import { isIPv6 } from "node:net";
import type { Duplex } from "node:stream";
import type { IncomingMessage } from "node:http";

/** Where a client's connection came from, as the gateway saw it that took it. */
export interface ClientAddress {
  address: string;
  port: number;
}

/** Goes with each request over a link; a client's own is never passed on. */
export const CLIENT_HEADER = "x-realtime-client";

export const writeClient = ({ address, port }: ClientAddress): string => `${address} ${port}`;

export const clientOf = (socket: Duplex): ClientAddress => ({
  address: String(Reflect.get(socket, "remoteAddress") ?? ""),
  port: Number(Reflect.get(socket, "remotePort") ?? 0),
});

/** Takes the header off a request that came over a link, and shows its socket as the client's, as long as the request lasts. */
export const restoreClient = (request: IncomingMessage): void => {
  // Node makes these two of rawHeaders when they are first asked for, and by the number that there were.
  for (const made of [request.headers, request.headersDistinct]) delete made[CLIENT_HEADER];
  const { rawHeaders } = request;
  const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === CLIENT_HEADER);
  const [address, port] = at < 0 ? [] : (rawHeaders[at + 1] ?? "").split(" ");
  if (at >= 0) rawHeaders.splice(at, 2);
  const show = (name: string, value: unknown) =>
    Object.defineProperty(request.socket, name, { value, configurable: true, enumerable: true });
  show("remoteAddress", address);
  show("remotePort", Number(port));
  show("remoteFamily", isIPv6(address ?? "") ? "IPv6" : "IPv4");
};
