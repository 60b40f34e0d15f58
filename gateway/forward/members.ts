import { setTimeout as wait } from "node:timers/promises";
import type { Peers } from "#adapter";

export interface MembersOptions {
  /** This gateway's own number. */
  number: string;
  peers: Peers;
  /** Asks who is at an address. Rejects where no gateway answers. */
  meet: (address: string) => Promise<string>;
  /** How long an owner that is not known is looked for. */
  withinMs?: number;
  /** ms between two looks at the peers that are asked for, and between those that are not. */
  gapMs?: number;
  everyMs?: number;
}

/**
 * Which gateway is where. A number is known from a handshake, this one's call or the other's; it is forgotten when nothing answers at its
 * address, or another does. What the Bus says plays no part.
 */
export interface Members extends Disposable {
  /** host:port of a gateway's links. Looks where it is not known: resolves with undefined as soon as it is sure, at the latest in 200 ms. */
  find(number: string): Promise<string | undefined>;
  learn(number: string, address: string): void;
  /** Nothing answers there any more. */
  forget(address: string): void;
  /** Looks at the peers once; resolves when each has answered or has not. */
  meetAll(): Promise<void>;
  /** Gateways that are known, this one too. */
  size(): number;
}

export const createMembers = ({
  number: own,
  peers,
  meet,
  withinMs = 200,
  gapMs = 100,
  everyMs = 5000,
}: MembersOptions): Members => {
  const addresses = new Map<string, string>();
  const numbers = new Map<string, string>();
  const meeting = new Map<string, Promise<void>>();
  const waiting = new Map<string, Set<() => void>>();
  let lastLook = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;
  let nextLook: Promise<void> | undefined;

  const forget = (address: string) => {
    const number = numbers.get(address);
    numbers.delete(address);
    if (number !== undefined && addresses.get(number) === address) addresses.delete(number);
  };
  const learn = (number: string, address: string) => {
    if (numbers.get(address) !== number) forget(address);
    numbers.set(address, number);
    addresses.set(number, address);
    for (const found of waiting.get(number) ?? []) found();
  };
  const ask = (address: string): void => {
    const asking = meet(address)
      .then(
        (number) => learn(number, address),
        () => forget(address),
      )
      .finally(() => meeting.delete(address));
    meeting.set(address, asking);
  };

  const look = async () => {
    lastLook = performance.now();
    await peers.refresh();
    for (const address of peers.current()) if (!numbers.has(address) && !meeting.has(address)) ask(address);
  };
  /** A look that begins from now on: the one that is to come anyway, else one more, `gapMs` after the last. */
  const lookAgain = (): Promise<void> => {
    const start = async () => {
      await looking;
      const rest = lastLook + gapMs - performance.now();
      if (rest > 0) await wait(rest);
      nextLook = undefined;
      looking = look();
      await looking;
    };
    return (nextLook ??= start());
  };
  const meetAll = async () => {
    await lookAgain();
    await Promise.all(meeting.values());
  };

  const round = () => {
    void lookAgain();
    const listed = new Set(peers.current());
    for (const [address, number] of numbers)
      if (!listed.has(address) && number !== own && !meeting.has(address)) ask(address);
  };
  const timer = setInterval(round, everyMs);
  timer.unref();
  const watching = peers.onChange(() => void lookAgain());

  return {
    find: async (number) => {
      const known = addresses.get(number);
      if (known !== undefined) return known;
      const { promise: found, resolve } = Promise.withResolvers<void>();
      const all = waiting.get(number) ?? new Set();
      waiting.set(number, all.add(resolve));
      const deadline = setTimeout(resolve, withinMs);
      await Promise.race([found, meetAll()]);
      clearTimeout(deadline);
      all.delete(resolve);
      if (all.size === 0) waiting.delete(number);
      return addresses.get(number);
    },
    learn,
    forget,
    meetAll,
    size: () => addresses.size,
    [Symbol.dispose]: () => {
      clearInterval(timer);
      watching[Symbol.dispose]();
    },
  };
};
