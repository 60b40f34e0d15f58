import type { Frames } from "./frames.ts";
import type { Outbox } from "./outbox.ts";

/** Writes an outbox to a socket, which allows one send at a time: at the end of each tick, or at once where much waits. */
export interface Sender {
  /** Something was pushed. */
  wake(): void;
  /** Something outside the outbox, behind what is under way. */
  say(frames: Frames): void;
  /** Resolves when nothing more can be written now. */
  idle(): Promise<void>;
  /** Whether anything was written since this was asked last. */
  wrote(): boolean;
}

const MUCH = 256 << 10;

/** `write` that rejects ends the sender: `failed` is called, nothing is written any more. */
export const createSender = (
  outbox: Outbox,
  write: (frames: Frames) => Promise<void>,
  failed: (error: unknown) => void,
): Sender => {
  const others: Frames[] = [];
  let running = false;
  let drained = Promise.resolve();
  let scheduled = false;
  let ended = false;
  let wrote = false;

  const drain = async () => {
    running = true;
    try {
      for (;;) {
        const frames = others.shift() ?? outbox.take();
        if (frames === undefined) break;
        wrote = true;
        await write(frames);
        if (ended) break;
      }
    } catch (error) {
      ended = true;
      failed(error);
    } finally {
      running = false;
    }
  };
  const run = () => {
    scheduled = false;
    if (!running && !ended) drained = drain();
  };
  return {
    wake: () => {
      if (running || ended) return;
      if (outbox.waiting().bytes >= MUCH) run();
      else if (!scheduled) {
        scheduled = true;
        setImmediate(run);
      }
    },
    say: (frames) => {
      others.push(frames);
      run();
    },
    idle: async () => {
      run();
      await drained;
    },
    wrote: () => {
      const before = wrote;
      wrote = false;
      return before;
    },
  };
};
