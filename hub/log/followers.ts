import type { HubSocket } from "#link";
import type { History } from "./history.ts";

interface Follower {
  /** Of the last entry that was sent. */
  sent: number;
  /** Entries sent that it has not said to have taken in, and their bytes: `[index, size]`. */
  underWay: [number, number][];
  bytes: number;
}

const WINDOW_MESSAGES = 4000;
const WINDOW_BYTES = 16 << 20;

/** Lines that are sent a history, each as fast as it takes it in. */
export class Followers {
  readonly #send: HubSocket["send"];
  readonly #history: History;
  readonly #followers = new Map<string, Follower>();

  constructor(send: HubSocket["send"], history: History) {
    this.#send = send;
    this.#history = history;
  }

  /** `from` undefined: a place of another history. */
  add(peer: string, from: number | undefined): void {
    const { ring, epoch } = this.#history;
    const isCut = from === undefined || from < ring.floor || !this.#history.has(from);
    const sent = isCut ? ring.floor : from;
    this.#followers.set(peer, { sent, underWay: [], bytes: 0 });
    this.#send(peer, ["from", epoch, sent, isCut]);
    this.#send(peer, ["head", ring.last]);
    this.#pump(peer);
  }

  delete(peer: string): void {
    this.#followers.delete(peer);
  }

  /** There is something new. */
  pump(): void {
    for (const peer of this.#followers.keys()) this.#pump(peer);
  }

  /** The line has taken in all up to `index`. */
  taken(peer: string, index: number): void {
    const follower = this.#followers.get(peer);
    if (follower === undefined) return;
    const still = follower.underWay.findIndex(([sent]) => sent > index);
    for (const [, size] of follower.underWay.splice(0, still === -1 ? follower.underWay.length : still))
      follower.bytes -= size;
    this.#pump(peer);
  }

  #pump(peer: string): void {
    const { ring, epoch } = this.#history;
    const follower = this.#followers.get(peer);
    if (follower === undefined) return;
    if (follower.sent < ring.floor) {
      follower.sent = ring.floor;
      this.#send(peer, ["from", epoch, ring.floor, true]);
    }
    while (follower.underWay.length < WINDOW_MESSAGES && follower.bytes < WINDOW_BYTES) {
      const entry = ring.next(follower.sent);
      if (entry === undefined || !this.#send(peer, ["e", entry.index], entry.bytes)) return;
      follower.sent = entry.index;
      follower.underWay.push([entry.index, entry.size]);
      follower.bytes += entry.size;
    }
  }
}
