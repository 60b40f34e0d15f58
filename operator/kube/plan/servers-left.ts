import type { Obstacle } from "../../port.ts";
import { refOf, type KubeObject } from "../runtime/object.ts";
import { ANNOTATION, LABEL } from "./labels.ts";
import { isBuiltin, isManaged, isWanted, MANAGED_SERVERS, rabbitmqClusterName, type ManagedServer } from "./managed.ts";
import type { Part, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { RABBITMQ_CLUSTER } from "./rabbitmq-cluster.ts";

interface Left {
  server: ManagedServer;
  /** What it consists of; the first is the server itself. */
  objects: KubeObject[];
}

/** Servers that run and that the resource does not want: of another type now, external, run by another operator, or of no use without a pool. */
export const leftServers = (input: PlanInput): Left[] => {
  const { live, cluster } = input;
  const find = (kind: string, name: string) => live.find((it) => it.kind === kind && it.metadata.name === name);
  const left = MANAGED_SERVERS.flatMap((server): Left[] => {
    if (isWanted(input, server) && isBuiltin(input, server)) return [];
    const itself = find("StatefulSet", childNames(cluster.name)[server]);
    if (itself === undefined) return [];
    const others = live.filter(
      (it) => it !== itself && it.metadata.labels?.[LABEL.role] === server && it.kind !== RABBITMQ_CLUSTER.kind,
    );
    return [{ server, objects: [itself, ...others] }];
  });
  const operators = find(RABBITMQ_CLUSTER.kind, rabbitmqClusterName(cluster.name));
  const isOperators = isWanted(input, "rabbitmq") && !isBuiltin(input, "rabbitmq");
  return operators === undefined || isOperators ? left : [...left, { server: "rabbitmq", objects: [operators] }];
};

const CONTENTS: Record<ManagedServer, string> = { redis: "what is stored", rabbitmq: "jobs" };

const contentsOf = ({ jobsLeft }: PlanInput, { server, objects: [itself] }: Left): string => {
  const jobs = jobsLeft?.[itself?.metadata.name ?? ""];
  if (jobs === undefined) return `${CONTENTS[server]} may be in it`;
  return jobs === 0 ? "no job waits in it" : jobs === 1 ? "1 job waits in it" : `${jobs} jobs wait in it`;
};

const obstacle = (input: PlanInput, left: Left): Obstacle => {
  const { server, objects } = left;
  const [itself] = objects;
  const why =
    isManaged(input, server) && !isWanted(input, server)
      ? "no pool uses it"
      : "spec.servers and the types no longer ask for it";
  return {
    of: "data",
    reason: "ServerKept",
    message: `${itself?.kind} ${itself?.metadata.name} still runs, though ${why}, and ${contentsOf(input, left)}: undo the change, or let it go by the annotation ${ANNOTATION.release}=${server}`,
    isLasting: true,
  };
};

/** What a changed resource leaves behind stays as it is and is named, until the annotation releases it; its volumes then go or stay as `whenDeleted` says. */
export const serversLeft: Part = (input) => {
  const left = leftServers(input).filter(({ server }) => input.released?.includes(server) !== true);
  return {
    kept: left.flatMap(({ objects }) => objects.map(refOf)),
    obstacles: left.map((it) => obstacle(input, it)),
  };
};
