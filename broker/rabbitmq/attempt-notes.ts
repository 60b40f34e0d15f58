import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { pauseMs } from "#amqp";

const note = z.object({
  /** Which attempt the job is when it comes back. */
  attempt: z.number().int().min(1),
  /** ms since the epoch before which it is not run again. */
  notBefore: z.number().optional(),
});
export type Note = z.infer<typeof note>;

const register = z.object({ v: z.literal(1), jobs: z.record(z.string(), note) });

const parse = (content: Buffer): Record<string, Note> => {
  try {
    return register.parse(JSON.parse(content.toString("utf8"))).jobs;
  } catch {
    return {};
  }
};

/**
 * How often the jobs of a partition were tried, kept at the broker by the one worker that has the partition. The broker's own count
 * cannot tell who ran from who waited behind him, so what is noted here holds instead. Nothing is noted of a job that runs at once and is done.
 */
export interface AttemptNotes {
  /** Reads what the worker before has noted; once. */
  load(): Promise<void>;
  get(name: string): Note | undefined;
  /** Resolves once the broker has it, or the partition is lost. */
  set(entries: Iterable<readonly [name: string, note: Note]>): Promise<void>;
  forget(name: string): Promise<void>;
}

export interface AttemptNotesOptions {
  read: () => Promise<Buffer | undefined>;
  write: (content: Buffer) => Promise<void>;
  /** False: the partition is another's. */
  alive: () => boolean;
  /** Whether a job that was noted before may still come: false drops the note. */
  mayCome: (name: string) => boolean;
}

export const createAttemptNotes = ({ read, write, alive, mayCome }: AttemptNotesOptions): AttemptNotes => {
  const notes = new Map<string, Note>();
  let loading: Promise<void> | undefined;
  let saving: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  const untilDone = async (act: () => Promise<void>): Promise<void> => {
    for (let failures = 0; alive(); failures++)
      try {
        return await act();
      } catch {
        await wait(pauseMs(failures), undefined, { ref: false });
      }
  };

  const load = () =>
    (loading ??= untilDone(async () => {
      const content = await read();
      for (const [name, it] of Object.entries(content === undefined ? {} : parse(content)))
        if (!notes.has(name)) notes.set(name, it);
    }));

  const put = async () => {
    await loading;
    next = undefined;
    for (const name of notes.keys()) if (!mayCome(name)) notes.delete(name);
    await untilDone(() => write(Buffer.from(JSON.stringify({ v: 1, jobs: Object.fromEntries(notes) }))));
  };

  /** One write at a time; what is noted meanwhile goes into the next. */
  const save = (): Promise<void> => (next ??= saving = saving.then(put));

  return {
    load,
    get: (name) => notes.get(name),
    set: (entries) => {
      for (const [name, it] of entries) notes.set(name, it);
      return save();
    },
    forget: (name) => (notes.delete(name) ? save() : Promise.resolve()),
  };
};
