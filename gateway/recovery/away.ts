import type { Session } from "#store";

const MAX_BYTES = 64 << 20;

interface Gone {
  session: Session;
  until: number;
}

/** Sessions of clients that left this gateway and may come back, for a store that has lost them; the newest, up to 64 MiB. */
export interface Away {
  add(socket: string, session: Session): void;
  /** Some gateway has that socket, for the `turn`th time. */
  taken(socket: string, turn: number): void;
  /** Those whose window is not over, the next to end first. */
  all(): Gone[];
}

export const createAway = (windowSeconds: number, clock: () => number): Away => {
  const gone = new Map<string, Gone>();
  let bytes = 0;
  const remove = (socket: string) => {
    bytes -= gone.get(socket)?.session.body.length ?? 0;
    gone.delete(socket);
  };
  const trim = () => {
    for (const [socket, { until }] of gone) {
      if (until > clock() && bytes <= MAX_BYTES) return;
      remove(socket);
    }
  };
  return {
    add: (socket, session) => {
      remove(socket);
      gone.set(socket, { session, until: clock() + windowSeconds * 1000 });
      bytes += session.body.length;
      trim();
    },
    taken: (socket, turn) => {
      if ((gone.get(socket)?.session.turn ?? Infinity) < turn) remove(socket);
    },
    all: () => {
      trim();
      return [...gone.values()];
    },
  };
};
