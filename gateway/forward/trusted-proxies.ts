import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

/** Addresses and ranges such as 10.0.0.0/8, as the schema has let them through. */
const listOf = (ranges: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
};

/** An entry of X-Forwarded-For without its port; undefined where it is no address. */
const addressIn = (entry: string): string | undefined => {
  const text = entry.trim();
  const bare = /^\[(.*)\](?::[0-9]+)?$/.exec(text)?.[1] ?? /^([0-9.]+):[0-9]+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : bare;
};

/**
 * The client's address behind proxies that are trusted: from the last hop back, the first that is none of them. What a proxy that is not
 * trusted says, or what is no address, ends the way back.
 */
export const clientBehind = (
  ranges: readonly string[],
): ((address: string, forwardedFor: string | undefined) => string) => {
  const list = listOf(ranges);
  const isTrusted = (address: string) => isIP(address) !== 0 && list.check(address, familyOf(address));
  return (address, forwardedFor) => {
    let client = address;
    const hops = (forwardedFor ?? "").split(",").toReversed();
    for (const hop of hops) {
      const next = isTrusted(client) ? addressIn(hop) : undefined;
      if (next === undefined) return client;
      client = next;
    }
    return client;
  };
};

interface Connection {
  remoteAddress: string;
  request: Pick<IncomingMessage, "headers">;
}

/** Makes `conn.remoteAddress`, and so `handshake.address`, the address behind the proxies of `ranges`. Nothing changes where there are none. */
export const trustProxies = (
  engine: { prependListener(event: "connection", listener: (connection: Connection) => void): unknown },
  ranges: readonly string[],
): void => {
  if (ranges.length === 0) return;
  const behind = clientBehind(ranges);
  engine.prependListener("connection", (connection) => {
    const forwardedFor = connection.request.headers["x-forwarded-for"];
    connection.remoteAddress = behind(connection.remoteAddress, [forwardedFor ?? []].flat().join(","));
  });
};
