const PUBLISHERS = 10_000;
/** More are no document that was passed by: they were missed together, and that is told otherwise. */
const GAP = 100;

/** Documents of one process are numbered from 1: `<process>.<number in base 36>`. */
export const documentId = (process: string, number: number): string => `${process}.${number.toString(36)}`;

/** The highest document of each process that came by. */
export interface Sequences {
  /** The ids of those that lie between the highest before and this one, in their order. */
  missing(id: unknown): string[];
  add(id: unknown): void;
}

const read = (id: unknown): { process: string; number: number } | undefined => {
  const [, process, digits] = (typeof id === "string" && /^(.+)\.([0-9a-z]{1,10})$/.exec(id)) || [];
  return process === undefined || digits === undefined ? undefined : { process, number: Number.parseInt(digits, 36) };
};

export const createSequences = (): Sequences => {
  const highest = new Map<string, number>();
  return {
    missing: (id) => {
      const it = read(id);
      const before = it && highest.get(it.process);
      if (it === undefined || before === undefined) return [];
      const count = it.number - before - 1;
      if (count < 1 || count > GAP) return [];
      return Array.from({ length: count }, (_, index) => documentId(it.process, before + 1 + index));
    },
    add: (id) => {
      const it = read(id);
      if (it === undefined) return;
      const number = Math.max(it.number, highest.get(it.process) ?? 0);
      highest.delete(it.process);
      highest.set(it.process, number);
      const [oldest] = highest.keys();
      if (highest.size > PUBLISHERS && oldest !== undefined) highest.delete(oldest);
    },
  };
};
