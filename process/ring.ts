/** What a ring holds: `index` grows from item to item, `size` is in bytes. */
export interface RingItem {
  readonly index: number;
  readonly size: number;
}

/** The newest items, within a number of them and of their bytes (of one that is larger, that one). */
export class Ring<T extends RingItem> {
  #items: (T | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  /** The index behind which everything is here. */
  #floor: number;
  readonly #dropped: (item: T) => void;

  constructor(floor = 0, dropped: (item: T) => void = () => {}) {
    this.#floor = floor;
    this.#dropped = dropped;
  }

  get floor(): number {
    return this.#floor;
  }
  /** Of the newest item. */
  get last(): number {
    return this.#items.at(-1)?.index ?? this.#floor;
  }
  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: T, { maxMessages, maxBytes }: { maxMessages: number; maxBytes: number }): void {
    this.#items.push(item);
    this.#bytes += item.size;
    while (this.length > maxMessages || (this.#bytes > maxBytes && this.length > 1)) this.shift();
    if (this.#first > 1024 && this.#first > this.#items.length / 2) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Drops all, and begins anew behind `floor`. */
  clear(floor: number): void {
    while (this.length > 0) this.shift();
    this.#items = [];
    this.#first = 0;
    this.#floor = floor;
  }

  /** The items behind `index`, oldest first. */
  *after(index: number): Generator<T, void> {
    for (let at = this.#offset(index); ; at = this.#offset(index)) {
      const item = this.#items[at];
      if (item === undefined) return;
      ({ index } = item);
      yield item;
    }
  }

  /** Of the first item behind `index`, where that is one. */
  next(index: number): T | undefined {
    return this.#items[this.#offset(index)];
  }

  #offset(index: number): number {
    let low = this.#first;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle]?.index ?? Infinity) > index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Drops the oldest. */
  shift(): void {
    const item = this.#items[this.#first];
    if (item === undefined) return;
    // Its place is freed at once: what it holds may be large.
    this.#items[this.#first] = undefined;
    this.#first += 1;
    this.#bytes -= item.size;
    this.#floor = item.index;
    this.#dropped(item);
  }
}
