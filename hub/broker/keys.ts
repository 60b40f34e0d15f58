import type { HeldJob } from "./held-job.ts";

/** The jobs of one key, the oldest first: at most one is in hand, and the others wait behind it and behind its retry. */
interface KeyLine {
  jobs: HeldJob[];
  busy: boolean;
}

/** Which jobs of keys may run: the head of each line that has none in hand. Jobs without a key always may. */
export interface Keys {
  /** Waits from now on. */
  enter(job: HeldJob): void;
  /** No longer waits; with `busy` its key is held until `free`. */
  leave(job: HeldJob, busy: boolean): void;
  free(job: HeldJob): void;
  mayRun(job: HeldJob): boolean;
  /** The one behind whom the others of this key wait now. */
  head(key: string): HeldJob | undefined;
}

export const createKeys = (): Keys => {
  const lines = new Map<string, KeyLine>();
  const tidy = (key: string, line: KeyLine) => {
    if (line.jobs.length === 0 && !line.busy) lines.delete(key);
  };
  return {
    enter: (job) => {
      if (job.key === undefined) return;
      const line = lines.get(job.key) ?? { jobs: [], busy: false };
      lines.set(job.key, line);
      let at = line.jobs.length;
      while (at > 0 && (line.jobs[at - 1]?.order ?? 0) > job.order) at -= 1;
      if (at === line.jobs.length) line.jobs.push(job);
      else line.jobs.splice(at, 0, job);
    },
    leave: (job, busy) => {
      const line = job.key === undefined ? undefined : lines.get(job.key);
      if (job.key === undefined || line === undefined) return;
      if (line.jobs[0] === job) line.jobs.shift();
      else {
        const at = line.jobs.indexOf(job);
        if (at >= 0) line.jobs.splice(at, 1);
      }
      if (busy) line.busy = true;
      tidy(job.key, line);
    },
    free: (job) => {
      const line = job.key === undefined ? undefined : lines.get(job.key);
      if (job.key === undefined || line === undefined) return;
      line.busy = false;
      tidy(job.key, line);
    },
    mayRun: (job) => {
      if (job.key === undefined) return true;
      const line = lines.get(job.key);
      return line !== undefined && !line.busy && line.jobs[0] === job;
    },
    head: (key) => lines.get(key)?.jobs[0],
  };
};
