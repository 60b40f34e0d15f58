import type { ClusterEvent } from "#crds";
import type { Instance } from "../../port.ts";

type Told = Pick<ClusterEvent, "what" | "message">;

const because = (what: ClusterEvent["what"], message: string | undefined): Told =>
  message === undefined ? { what } : { what, message };

const isDown = ({ state }: Instance) => state === "failing" || state === "backoff";
const death = ({ state, message }: Instance): Told => because(state === "backoff" ? "exited" : "failing", message);

const since = (before: Instance | undefined, after: Instance): Told[] => {
  if (before === undefined) {
    if (after.state === "stopping") return [{ what: "stopping" }];
    return [
      { what: "starting" },
      ...(after.state === "ready" ? [{ what: "ready" } as const] : isDown(after) ? [death(after)] : []),
    ];
  }
  if (after.state === "stopping") return before.state === "stopping" ? [] : [{ what: "stopping" }];
  const told: Told[] = [];
  const diedUnseen = before.state === "ready" && after.restarts > before.restarts;
  if (isDown(after) && (!isDown(before) || after.since !== before.since)) {
    if (after.restarts > before.restarts && isDown(before)) told.push(because("restarting", before.message));
    told.push(death(after));
  } else if (after.restarts > before.restarts) {
    if (diedUnseen) told.push(because("exited", after.message));
    told.push(because("restarting", after.message ?? before.message));
  } else if (before.state === "ready" && after.state === "starting") told.push(because("exited", after.message));
  if (after.state === "ready" && (before.state !== "ready" || diedUnseen)) told.push({ what: "ready" });
  return told;
};

/** What happened to a cluster's instances between two looks, in the order in which it happened to each: the story that a laptop tells too. */
export const changesOf = (before: readonly Instance[], after: readonly Instance[], now: number): ClusterEvent[] => {
  const event = ({ role, instance, pool }: Instance, told: Told): ClusterEvent => ({
    at: now,
    role,
    instance,
    ...(pool === undefined ? {} : { pool }),
    ...told,
  });
  const gone = before.filter(({ instance }) => !after.some((it) => it.instance === instance));
  return [
    ...gone.map((it) => event(it, { what: "stopped" })),
    ...after.flatMap((it) =>
      since(
        before.find(({ instance }) => instance === it.instance),
        it,
      ).map((told) => event(it, told)),
    ),
  ];
};
