/** A map whose entries go after their time, and the oldest of them when there are too many. */
export class ExpiringMap<V> {
  readonly #entries = new Map<string, { value: V; until: number }>();
  readonly #max: number;
  readonly #clock: () => number;

  constructor(max: number, clock: () => number) {
    this.#max = max;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    if (found.until > this.#clock()) return found.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** When the entry goes, in ms since the epoch; 0 where there is none. */
  until(key: string): number {
    return this.#entries.get(key)?.until ?? 0;
  }

  set(key: string, value: V, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    if (this.#entries.size <= this.#max) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Frees what has gone. */
  sweep(): void {
    const now = this.#clock();
    for (const [key, { until }] of this.#entries) if (until <= now) this.#entries.delete(key);
  }
}
