const KEPT = 1000;

/** The documents that a tail has seen last, in their order: at least the last 1,000. */
export interface Seen {
  has(id: unknown): boolean;
  add(id: unknown): void;
  /** Oldest first. */
  ids(): unknown[];
}

/** Two documents are the same where their `_id` is, as text: foreign ones may be of any type. */
export const idKey = (id: unknown): string => (typeof id === "string" ? id : `${typeof id} ${String(id)}`);

export const createSeen = (): Seen => {
  let former = new Map<string, unknown>();
  let latest = new Map<string, unknown>();
  const has = (key: string) => latest.has(key) || former.has(key);
  return {
    has: (id) => has(idKey(id)),
    add: (id) => {
      const key = idKey(id);
      if (has(key)) return;
      if (latest.size >= KEPT) {
        former = latest;
        latest = new Map();
      }
      latest.set(key, id);
    },
    ids: () => [...former.values(), ...latest.values()],
  };
};
