import type { JobGate } from "#adapter";

/** Jobs whose sender has not had his ack: what is about them waits for it on that connection. */
export interface AckGate extends JobGate {
  /** `socket` is owed the ack of `job`; false where another connection of the user is owed it already. */
  owe(job: string, socket: string): boolean;
  /** Gives the ack, by `pay`: what waited follows it. True where something did. */
  paid(job: string, socket: string, pay: () => void): boolean;
  isPaying(socket: string): boolean;
  size(): number;
}

export const createAckGate = (): AckGate => {
  const owed = new Map<string, { socket: string; held: ((socket: string) => void)[] }>();
  let paying: string | undefined;
  return {
    owe: (job, socket) => {
      if (owed.has(job)) return false;
      owed.set(job, { socket, held: [] });
      return true;
    },
    paid: (job, socket, pay) => {
      paying = socket;
      try {
        pay();
      } finally {
        paying = undefined;
      }
      const it = owed.get(job);
      if (it?.socket !== socket) return false;
      owed.delete(job);
      for (const deliver of it.held) deliver(socket);
      return it.held.length > 0;
    },
    hold: (job, deliver) => {
      const it = owed.get(job);
      it?.held.push(deliver);
      return it?.socket;
    },
    isPaying: (socket) => socket === paying,
    size: () => owed.size,
  };
};
