import type { HubSocket } from "#link";
import type { Log } from "#process";
import { Followers } from "./followers.ts";
import { decide, type Claim, type Decision } from "./hand-over.ts";
import { History, type Limits } from "./history.ts";

/** So old a hub begins anew at once where a line without a past comes first. */
const FOR_ANY_MS = 1500;
/** So long all lines of the former history are waited for, and so long a line that hands it over may be silent. */
const FOR_ALL_MS = 5000;

export interface ClusterOptions {
  send: HubSocket["send"];
  limits: Limits;
  /** ms since the hub began. */
  ageMs: () => number;
  newEpoch: () => string;
  log: Log;
}

type Parts = Extract<Decision, { kind: "take" }>["parts"];

/**
 * The log of one cluster: its lines, and the history that they add to and follow. Until it is decided whether the history of a former hub
 * goes on, lines are not told that the log is open.
 */
export class Cluster {
  limits: Limits;
  readonly #options: ClusterOptions;
  readonly #lines = new Map<string, Claim>();
  /** When the first of its lines came, in ms since the hub began. */
  #since = 0;
  #history: History | undefined;
  #followers: Followers | undefined;
  /** What is being handed over, and what of it is still to come. */
  #given: { history: History; parts: Parts } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.limits = options.limits;
  }

  add(peer: string, claim: Claim): void {
    if (this.#lines.size === 0) this.#since = this.#options.ageMs();
    this.#lines.set(peer, claim);
    const { former } = claim;
    const history = this.#history;
    if (history === undefined) return this.#look();
    if (former?.epoch === history.epoch && !history.has(former.known))
      return this.#anew("a line knows an entry that the log does not have");
    this.#tellOpen(peer);
    this.#tellOthers(peer, ["joined", claim.id]);
  }

  delete(peer: string): void {
    const claim = this.#lines.get(peer);
    if (claim === undefined) return;
    this.#lines.delete(peer);
    this.#followers?.delete(peer);
    if (this.#history !== undefined) this.#tellOthers(peer, ["left", claim.id, this.#history.ring.last]);
    else if (this.#given?.parts.some(({ id }) => id === claim.id) === true) {
      this.#given = undefined;
      this.#look();
    }
  }

  append(peer: string, id: number, bytes: Uint8Array): void {
    if (this.#history === undefined) return;
    const index = this.#history.append(bytes, this.limits);
    // Before its line is told that it is there: who knows of an entry then has it.
    this.#followers?.pump();
    this.#options.send(peer, ["appended", id, index]);
  }

  follow(peer: string, from: "oldest" | "newest" | { epoch: string; index: number }): void {
    if (this.#history === undefined) return;
    const { ring, epoch } = this.#history;
    if (from === "oldest") this.#followers?.add(peer, ring.floor);
    else if (from === "newest") this.#followers?.add(peer, ring.last);
    else this.#followers?.add(peer, from.epoch === epoch ? from.index : undefined);
  }

  taken(peer: string, index: number): void {
    this.#followers?.taken(peer, index);
  }

  /** An entry of the former history. */
  kept(peer: string, index: number, bytes: Uint8Array): void {
    const {
      history,
      parts: [part],
    } = this.#given ?? { parts: [] };
    if (part === undefined || history === undefined || this.#lines.get(peer)?.id !== part.id) return;
    if (index > history.ring.last) history.add(index, bytes, this.limits);
  }

  /** It has given what it was asked for at once. */
  given(peer: string): void {
    const given = this.#given;
    const [part] = given?.parts ?? [];
    if (given === undefined || part === undefined || this.#lines.get(peer)?.id !== part.id) return;
    const { last } = given.history.ring;
    if (last >= part.upTo) given.parts.shift();
    else if (last <= part.after) return this.#anew("a line does not have what it said");
    else part.after = last;
    this.#goOn(given);
  }

  #look(): void {
    if (this.#given !== undefined || this.#lines.size === 0) return;
    const age = this.#options.ageMs();
    const forAll = this.#since + FOR_ALL_MS;
    const decision = decide([...this.#lines.values()], { forAny: age >= FOR_ANY_MS, forAll: age >= forAll });
    if (decision.kind === "anew") return this.#anew(decision.why);
    if (decision.kind === "wait")
      return this.#later((age < FOR_ANY_MS ? FOR_ANY_MS : forAll) - age, () => this.#look());
    const { epoch, floor, parts } = decision;
    this.#given = { history: new History(epoch, { floor }), parts };
    this.#goOn(this.#given);
  }

  #goOn({ history, parts: [part] }: { history: History; parts: Parts }): void {
    if (part === undefined) {
      history.goOn();
      const { length } = history.ring;
      this.#options.log.info({ epoch: history.epoch, entries: length }, "the log goes on where the former hub ended");
      return this.#begin(history);
    }
    const peer = [...this.#lines].find(([, { id }]) => id === part.id)?.[0] ?? "";
    this.#options.send(peer, ["give", part.after]);
    this.#later(FOR_ALL_MS, () => this.#anew("a line did not hand over what it has"));
  }

  #anew(why: string): void {
    const history = new History(this.#options.newEpoch());
    this.#options.log.info({ epoch: history.epoch, why }, "the log begins anew");
    this.#begin(history);
  }

  #begin(history: History): void {
    clearTimeout(this.#timer);
    this.#given = undefined;
    this.#history = history;
    this.#followers = new Followers(this.#options.send, history);
    for (const peer of this.#lines.keys()) this.#tellOpen(peer);
  }

  #tellOpen(peer: string): void {
    const { epoch, ring } = this.#history ?? { epoch: "", ring: { last: 0 } };
    this.#options.send(peer, ["opened", epoch, ring.last, [...this.#lines.values()].map(({ id }) => id)]);
  }

  #tellOthers(peer: string, said: unknown): void {
    for (const other of this.#lines.keys()) if (other !== peer) this.#options.send(other, said);
  }

  #later(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, Math.max(1, ms)).unref();
  }
}
