import { z } from "zod";
import { MEMBERS_TOPIC } from "#crds";
import type { Log } from "#process";
import { startHeartbeats, type HeartbeatTiming } from "./heartbeats.ts";
import type { Bus, Member, Membership } from "./port.ts";

const member: z.ZodType<Member> = z.object({
  node: z.string(),
  instance: z.string(),
  role: z.enum(["gateway", "worker"]),
  pool: z.string().optional(),
});

/** All answer a hello within 100 ms; the rest is for slow machines. */
const ANSWER_MS = 1000;

/** Makes this process one of the cluster's members, and tells who the others are. Resolves when its own hello is said. */
export const joinMembership = async (
  bus: Bus,
  self: Member,
  options: HeartbeatTiming & { log: Log },
): Promise<Membership> => {
  const beats = await startHeartbeats({
    ...options,
    bus,
    topic: MEMBERS_TOPIC,
    node: self.node,
    schema: member,
    about: () => self,
  });
  return {
    self,
    members: () => [self, ...beats.others().map(([, other]) => other)],
    silent: (nodes) => beats.silent(nodes, ANSWER_MS),
    onJoin: (listener) => beats.onJoin((_node, other) => listener(other)),
    onLeave: (listener) => beats.onLeave((_node, other, goodbye) => listener(other, goodbye)),
    [Symbol.asyncDispose]: () => beats[Symbol.asyncDispose](),
  };
};
