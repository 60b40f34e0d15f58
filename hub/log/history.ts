import { Ring } from "#process";

export interface Entry {
  index: number;
  size: number;
  bytes: Uint8Array;
}

export interface Limits {
  maxMessages: number;
  maxBytes: number;
}

/**
 * Entries of a history that was handed over and of what follows are so far apart that no entry which somebody had, and which was not
 * handed over, has the index of a later one.
 */
const GAP = 2 ** 32;

/** One unbroken order of entries, its newest within the limits. */
export class History {
  readonly epoch: string;
  readonly ring: Ring<Entry>;
  #next: number;

  constructor(epoch: string, { floor = 0 } = {}) {
    this.epoch = epoch;
    this.ring = new Ring(floor);
    this.#next = floor + 1;
  }

  append(bytes: Uint8Array, limits: Limits): number {
    const index = this.#next;
    this.add(index, bytes, limits);
    return index;
  }

  /** What stood there before. */
  add(index: number, bytes: Uint8Array, limits: Limits): void {
    // A copy: the bytes are a view into the whole batch.
    this.ring.push({ index, size: bytes.length, bytes: new Uint8Array(bytes) }, limits);
    this.#next = index + 1;
  }

  /** What was there before is complete. */
  goOn(): void {
    this.#next = this.ring.last + GAP;
  }

  /** Whether somebody at this place is in this history; of what is cut off, nobody knows: true. */
  has(index: number): boolean {
    return index <= this.ring.floor || this.ring.next(index - 1)?.index === index;
  }
}
