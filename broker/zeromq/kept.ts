import type { Death } from "#crds";
import type { Say } from "./index.ts";

/** A job as its publisher keeps it until the hub reports it finished. */
export interface KeptJob {
  n: number;
  queue: string;
  id: string;
  key: string | null;
  body: Buffer;
  attempt: number;
  /** Its place, given by the hub. */
  order: number;
  /** Until when its retry waits, by `clock`. */
  dueAt: number;
  death?: Death | undefined;
  /** The hub that is there has said that it has it. */
  held: boolean;
}

interface KeptOptions {
  say: Say;
  clock: () => number;
  /** Dead jobs kept; of older ones only the hub has a copy. */
  maxDead?: number;
  /** Offers under way that the hub has not answered. */
  maxOffers?: number;
  maxOfferedBytes?: number;
}

/** What a publisher keeps. */
export interface Kept {
  keep(job: KeptJob, order: number): void;
  taken(n: number, order: number): void;
  /** The hub is full: offered again later. */
  refused(n: number): void;
  finished(n: number): void;
  again(n: number, attempt: number, inMs: number): void;
  died(n: number, attempts: number, death: Death): void;
  /**
   * Offers what the hub has not said to have (everything, to one that came back empty), and asks what of the rest it has finished
   * meanwhile. Resolves with false where the hub went away on the way.
   */
  offer(fresh: boolean): Promise<boolean>;
  /** Whether offers are under way. */
  offering(): boolean;
  down(): void;
  size(): number;
}

const REFUSED_AGAIN_MS = 1000;

export const createKept = (options: KeptOptions): Kept => {
  const { say, clock, maxDead = 1000, maxOffers = 5000, maxOfferedBytes = 16 << 20 } = options;
  const jobs = new Map<number, KeptJob>();
  const dead = new Set<number>();
  /** Offered and not answered. */
  const offered = new Map<number, number>();
  let offeredBytes = 0;
  let round = 0;
  let offering = false;
  let goOn = () => {};
  let homeless = new Map<number, KeptJob>();
  let timer: NodeJS.Timeout | undefined;

  const answered = (n: number) => {
    offeredBytes -= offered.get(n) ?? 0;
    if (offered.delete(n)) goOn();
  };
  const drop = (n: number) => {
    jobs.delete(n);
    dead.delete(n);
    homeless.delete(n);
    answered(n);
  };
  const sayOffer = ({ n, queue, id, key, body, attempt, order, dueAt, death }: KeptJob) => {
    offered.set(n, body.length);
    offeredBytes += body.length;
    const inMs = Math.max(0, dueAt - clock());
    return say(["offer", n, queue, id, key, attempt, order, inMs, death ?? null], body);
  };
  const room = () => offered.size < maxOffers && offeredBytes < maxOfferedBytes;
  const refused = (n: number) => {
    answered(n);
    const job = jobs.get(n);
    if (job === undefined) return;
    homeless.set(n, job);
    timer ??= setTimeout(tryAgain, REFUSED_AGAIN_MS);
  };
  const offerAll = async (mine: number) => {
    const mustWait = () => mine === round && !room();
    for (const job of jobs.values()) {
      if (job.held) continue;
      while (mustWait())
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      if (mine !== round) return;
      if (!sayOffer(job)) refused(job.n);
    }
  };
  const askAll = () => {
    const numbers = [...jobs.values()].filter(({ held }) => held).map(({ n }) => n);
    for (let at = 0; at < numbers.length; at += 1000) say(["have", numbers.slice(at, at + 1000)]);
  };
  const tryAgain = () => {
    timer = undefined;
    const list = homeless;
    homeless = new Map();
    for (const job of list.values()) if (!room() || !sayOffer(job)) refused(job.n);
  };
  const reset = () => {
    round += 1;
    clearTimeout(timer);
    timer = undefined;
    offered.clear();
    offeredBytes = 0;
    homeless.clear();
    offering = false;
    goOn();
  };

  return {
    keep: (job, order) => {
      Object.assign(job, { order, held: true });
      jobs.set(job.n, job);
    },
    taken: (n, order) => {
      const job = jobs.get(n);
      if (job !== undefined) Object.assign(job, { order, held: true });
      answered(n);
    },
    refused,
    finished: drop,
    again: (n, attempt, inMs) => {
      const job = jobs.get(n);
      if (job === undefined) return;
      dead.delete(n);
      Object.assign(job, { attempt, dueAt: clock() + inMs, death: undefined });
    },
    died: (n, attempts, death) => {
      const job = jobs.get(n);
      if (job === undefined) return;
      Object.assign(job, { attempt: attempts, death });
      dead.add(n);
      for (const oldest of dead.size > maxDead ? dead : []) {
        drop(oldest);
        break;
      }
    },
    offer: async (fresh) => {
      reset();
      if (fresh) for (const job of jobs.values()) job.held = false;
      askAll();
      const mine = round;
      offering = true;
      await offerAll(mine);
      if (mine !== round) return false;
      offering = false;
      return true;
    },
    offering: () => offering || offered.size > 0 || homeless.size > 0,
    down: reset,
    size: () => jobs.size,
  };
};
