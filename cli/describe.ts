import type { ClusterEvent } from "#crds";
import type { LogLine } from "#local";
import type { Terminal } from "./terminal.ts";

/** What a process logs when its start failed; the event of it says the same. */
const CANNOT_START = "cannot start";

const because = (message: string | undefined) => (message === undefined ? "" : `: ${message}`);

/** A change of a process, on one line. */
export const describeEvent = ({ paint }: Terminal, { what, instance, message }: ClusterEvent): string => {
  switch (what) {
    case "starting":
      return paint("dim", `· ${instance} starting`);
    case "ready":
      return `${paint("green", "✓")} ${instance} ready`;
    case "exited":
      return `${paint("red", "✗")} ${instance} died${because(message)}`;
    case "failing":
      return `${paint("red", "✗")} ${instance} cannot start${because(message)}; it is tried again until it does`;
    case "restarting":
      return paint("yellow", `↻ ${instance} starting again`);
    case "stopping":
      return paint("dim", `… ${instance} stopping`);
    case "stopped":
      return paint("dim", `○ ${instance} stopped`);
    case "scaled":
      return `${paint("cyan", "⇅")} ${message ?? instance}`;
  }
};

/** A line of a process's log, where a person should see it: warnings, errors, and what handlers print; else undefined. */
export const describeLine = ({ paint }: Terminal, instance: string, { level, text }: LogLine): string | undefined => {
  switch (level) {
    case undefined:
      return `${paint("dim", `${instance} |`)} ${text}`;
    case "warn":
      return `${paint("yellow", "!")} ${instance}: ${text}`;
    case "error":
    case "fatal":
      return text.startsWith(CANNOT_START) ? undefined : `${paint("red", "!")} ${instance}: ${text}`;
    default:
      return undefined;
  }
};

/** Leaves out the further attempts of a process that fails for the reason that was told already. */
export const withoutRepeats = (): ((event: ClusterEvent) => boolean) => {
  const told = new Map<string, string | undefined>();
  return ({ instance, what, message }) => {
    if (what === "restarting") return !told.has(instance);
    if (what === "failing") {
      const isNew = !told.has(instance) || told.get(instance) !== message;
      told.set(instance, message);
      return isNew;
    }
    told.delete(instance);
    return true;
  };
};
