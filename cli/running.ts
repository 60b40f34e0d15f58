import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { peersFile, type PeersFile } from "#crds";
import { readRunState, stateDirectory, type RunState, type StateDirectory } from "#local";
import { fileOf, readText, shownPath } from "./read-file.ts";
import { UserError } from "./user-error.ts";

export interface Running {
  state: RunState;
  directory: StateDirectory;
  /** A request to the control port of a gateway that takes it, or of the one that is named. Throws a UserError where none does. */
  ask(path: string, init?: RequestInit, gateway?: string): Promise<Response>;
}

const readPeers = async (path: string): Promise<PeersFile> => {
  const text = await readFile(path, "utf8").catch(() => '{"gateways":[]}');
  return peersFile.parse(JSON.parse(text));
};

/** The supervisors that run beside `file`, whatever the file says by now. */
const runsBeside = async (file: string): Promise<{ state: RunState; directory: StateDirectory }[]> => {
  const names = await readdir(join(dirname(file), ".realtime")).catch(() => []);
  const found = names.map(async (name) => {
    const directory = stateDirectory(dirname(file), name);
    const state = await readRunState(directory);
    return state?.file === file ? [{ state, directory }] : [];
  });
  return (await Promise.all(found)).flat();
};

/** The cluster of a file as it runs now. Throws a UserError where it does not. */
export const findRunning = async (named: string | undefined): Promise<Running> => {
  const file = fileOf(named);
  const [found] = await runsBeside(file);
  if (found === undefined) {
    await readText(file);
    throw new UserError(`${shownPath(file)} does not run: start it with realtime up ${shownPath(file)}`);
  }
  const { state, directory } = found;
  return {
    state,
    directory,
    ask: async (path, init = {}, gateway) => {
      const token = (await readFile(directory.generated["control-token"], "utf8")).trim();
      const { gateways } = await readPeers(directory.peers);
      for (const { control } of gateways.filter(({ instance }) => gateway === undefined || gateway === instance)) {
        const answer = await fetch(`http://${control}${path}`, {
          signal: AbortSignal.timeout(5000),
          ...init,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        }).catch(() => undefined);
        if (answer !== undefined) return answer;
      }
      throw new UserError(
        gateway === undefined ? `no gateway of ${state.cluster} answers` : `${gateway} does not answer`,
      );
    },
  };
};
