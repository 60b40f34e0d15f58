/** A process that stands for leader of $NAMESPACE as $IDENTITY and, while it leads, writes its name into one ConfigMap all the time. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { fenced, fencedConfig } from "../fenced.ts";
import { runLeaderElected, type Candidate } from "../leader-election.ts";
import { openClient } from "../open-client.ts";

const { NAMESPACE: namespace = "", IDENTITY: identity = "" } = process.env;
const log = silentLog();
const options = { log, registry: new Registry(), userAgent: "election-test" };
const config = new KubeConfig();
config.loadFromDefault();

const isLeader = (): boolean => candidate.isLeader();
const writer = openClient({ ...options, config: fencedConfig(config, isLeader) });
const acts = fenced(writer, isLeader);
const ref = { apiVersion: "v1", kind: "ConfigMap", namespace, name: "acts" };

const candidate: Candidate = runLeaderElected({
  client: openClient(options),
  lease: { namespace, name: "election" },
  identity,
  log,
  onLead: () => {
    const end = new AbortController();
    const writing = (async () => {
      for (let n = 0; !end.signal.aborted; n++)
        await acts
          .merge(ref, { data: { by: identity, n: String(n) } }, { fieldManager: identity })
          // A refusal takes no turn of the event loop: the timer that ends this process needs one.
          .catch(() => nextTurn());
    })();
    return {
      async [Symbol.asyncDispose]() {
        end.abort();
        await writing;
      },
    };
  },
});
void candidate.lost.then(() => process.exit(1));
process.on("SIGTERM", () => void candidate[Symbol.asyncDispose]().then(() => process.exit(0)));
