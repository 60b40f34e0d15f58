import { createHmac, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";

/** Who a gateway is to the others: its number, and the port of its links. */
export interface Self {
  number: string;
  port: number;
}

/** What the one who calls says first. */
export interface Hello extends Self {
  nonce: string;
}

/** What the one who is called answers: a proof for each of its keys. */
export interface Welcome {
  number: string;
  nonce: string;
  proofs: string[];
}

const PROTOCOL = "realtime-link/1";
const HELLO = new RegExp(`^${PROTOCOL} ([\\w-]{16,64}) ([\\w-]{8}) ([0-9]{1,5})$`);
const WELCOME = /^([\w-]{8}) ([\w-]{16,64}) ([\w-]+(?:,[\w-]+){0,3})$/;

export const TAKEN = "ok";

export const writeHello = ({ nonce, number, port }: Hello): string => `${PROTOCOL} ${nonce} ${number} ${port}\n`;

/** Undefined where the line is none. */
export const readHello = (line: string): Hello | undefined => {
  const [, nonce, number, port] = HELLO.exec(line) ?? [];
  if (nonce === undefined || number === undefined || port === undefined || Number(port) > 65_535) return undefined;
  return { nonce, number, port: Number(port) };
};

export const writeWelcome = ({ number, nonce, proofs }: Welcome): string => `${number} ${nonce} ${proofs.join(",")}\n`;

/** Undefined where the line is none. */
export const readWelcome = (line: string): Welcome | undefined => {
  const [, number, nonce, proofs] = WELCOME.exec(line) ?? [];
  if (number === undefined || nonce === undefined || proofs === undefined) return undefined;
  return { number, nonce, proofs: proofs.split(",") };
};

/** Shows that a side has `key` and means this very link: over both nonces, both numbers and the side. */
export const prove = (
  key: string,
  side: "caller" | "called",
  hello: Hello,
  { number, nonce }: Omit<Welcome, "proofs">,
): string =>
  createHmac("sha256", key)
    .update([PROTOCOL, side, hello.nonce, hello.number, hello.port, nonce, number].join(" "))
    .digest("base64url");

export const isSame = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};

const LONGEST_LINE = 512;

/**
 * The next line of a link that is being made, without its end. Each side waits for the other's line before it says more, so that bytes
 * behind a line are no link's. Rejects for those, for a line that is too long, and where the socket ends.
 */
export const readLine = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    const leave = () => socket.off("data", hear).off("close", end).off("end", end);
    const fail = (why: string) => {
      leave();
      reject(new Error(why));
    };
    const end = () => fail("the other side ended the link");
    const hear = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const at = text.indexOf("\n");
      if (at < 0 && text.length < LONGEST_LINE) return;
      if (at !== text.length - 1) return fail("what the other side says is no line");
      leave();
      resolve(text.slice(0, at));
    };
    socket.on("data", hear).on("close", end).on("end", end);
  });
