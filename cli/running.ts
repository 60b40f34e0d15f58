import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { peersFile, type PeersFile } from "#crds";
import { readRunState, stateDirectory, type RunState, type StateDirectory } from "#local";
import { fileOf, parseFile, readText, shownPath } from "./read-file.ts";
import { UserError } from "./user-error.ts";

export interface Running {
  state: RunState;
  directory: StateDirectory;
  /** A request to the control port of a gateway that takes it. Throws a UserError where none does. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

const readPeers = async (path: string): Promise<PeersFile> => {
  const text = await readFile(path, "utf8").catch(() => '{"gateways":[]}');
  return peersFile.parse(JSON.parse(text));
};

/** The cluster of a file as it runs now. Throws a UserError where it does not. */
export const findRunning = async (named: string | undefined): Promise<Running> => {
  const file = fileOf(named);
  const { resource } = parseFile(await readText(file), shownPath(file));
  const directory = stateDirectory(dirname(file), resource.metadata.name);
  const state = await readRunState(directory);
  if (state === undefined)
    throw new UserError(`${resource.metadata.name} does not run: start it with realtime up ${shownPath(file)}`);
  return {
    state,
    directory,
    ask: async (path, init = {}) => {
      const token = (await readFile(directory.generated["control-token"], "utf8")).trim();
      const { gateways } = await readPeers(directory.peers);
      for (const { control } of gateways) {
        const answer = await fetch(`http://${control}${path}`, {
          signal: AbortSignal.timeout(5000),
          ...init,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        }).catch(() => undefined);
        if (answer !== undefined) return answer;
      }
      throw new UserError(`no gateway of ${state.cluster} answers`);
    },
  };
};
