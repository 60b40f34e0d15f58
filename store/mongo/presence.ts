import { randomUUID } from "node:crypto";
import type { Evicted, Presence } from "../port.ts";
import type { Ask, Clock } from "./ask.ts";
import { idOf, insertNew, type Collections, type ConnectionDocument, type MemberDocument } from "./collections.ts";
import { createTurns } from "./turns.ts";
import { occupy, vacate } from "./occupancy.ts";

/** Connections at once of a node that is taken out. */
const EVICT_BATCH = 200;
const CLAIM_MS = 10_000;
const TOLD_MS = 3_600_000;

const nowhere = { firstOfUser: false, firstOfChannel: false };
const still = { lastOfUser: false, lastOfChannel: false };

/** Members who have been taken out leave their places: who was in a channel by them only. */
const depart = async (of: Collections, members: readonly MemberDocument[]): Promise<Evicted["left"]> => {
  const places = new Map(members.map(({ channel, user }) => [idOf(channel, user), { channel, user }]));
  const lastOfUser = [...places.values()];
  const gone = await vacate(of, lastOfUser);
  const left = lastOfUser.filter((place) => gone.has(place));
  const channels = new Map(left.map(({ channel }) => [channel, { channel }]));
  const vacated = await vacate(of, [...channels.values()]);
  const last = new Map(left.map((place) => [place.channel, place]));
  return left.map((place) => {
    const channel = channels.get(place.channel);
    const lastOfChannel = last.get(place.channel) === place && channel !== undefined && vacated.has(channel);
    return { ...place, lastOfChannel };
  });
};

const remove = async (of: Collections, { _id, node, socket, user }: ConnectionDocument) => {
  const members = await of.members.find({ node, socket }).toArray();
  if (members.length > 0) await of.members.deleteMany({ node, socket });
  const left = await depart(of, members);
  const slots = await of.slots.find({ user }).toArray();
  const own = slots.filter((slot) => slot.node === node && slot.socket === socket);
  for (const slot of own) await of.slots.deleteOne({ _id: slot._id });
  await of.connections.deleteOne({ _id });
  return { connections: slots.length - own.length, left };
};

/** Of a user's slots one that is free, if there is one below `limit`. */
const freeSlot = (taken: readonly ConnectionDocument[], user: string, limit: number): string | undefined => {
  const ids = new Set(taken.map(({ _id }) => _id));
  for (let slot = 0; slot < limit && slot <= taken.length; slot += 1)
    if (!ids.has(idOf(user, slot))) return idOf(user, slot);
  return undefined;
};

const connectOnce = async (of: Collections, connection: ConnectionDocument, limit: number) => {
  const { _id, node, socket, user } = connection;
  const isNew = await insertNew(of.connections, connection);
  const held = isNew ? connection : await of.connections.findOne({ _id });
  if (held === null) return undefined;
  if (held.user !== user) {
    await remove(of, held);
    return undefined;
  }
  for (;;) {
    const taken = await of.slots.find({ user }).toArray();
    if (taken.some((slot) => slot.node === node && slot.socket === socket))
      return { admitted: true, connections: taken.length };
    const slot = freeSlot(taken, user, limit);
    if (slot === undefined) {
      await of.connections.deleteOne({ _id });
      return { admitted: false, connections: taken.length };
    }
    if (await insertNew(of.slots, { _id: slot, node, socket, user }))
      return { admitted: true, connections: taken.length + 1 };
  }
};

/** Takes out some of what a node holds; undefined where it holds nothing. */
const evictSome = async (of: Collections, node: string): Promise<Evicted | undefined> => {
  const connections = await of.connections.find({ node }).limit(EVICT_BATCH).toArray();
  if (connections.length === 0) return undefined;
  const socket = { $in: connections.map((it) => it.socket) };
  const members = await of.members.find({ node, socket }).toArray();
  if (members.length > 0) await of.members.deleteMany({ node, socket });
  const left = await depart(of, members);
  const user = { $in: [...new Set(connections.map((it) => it.user))] };
  await of.slots.deleteMany({ user, node, socket });
  await of.connections.deleteMany({ _id: { $in: connections.map(({ _id }) => _id) } });
  return { sockets: connections.map((it) => ({ socket: it.socket, user: it.user })), left };
};

interface PresenceOptions {
  ask: Ask;
  clock: Clock;
  /** A write failed: presence may be wrong. */
  onDoubt: () => void;
}

/**
 * Presence in MongoDB, by documents that are made and taken away, the one thing that is atomic without transactions on every server. A
 * connection's own document is made first and taken away last: it is what `evict` finds. What one socket does happens one after the other.
 */
export const mongoPresence = ({ ask, clock, onDoubt }: PresenceOptions): Presence => {
  const turns = createTurns();
  const write: Ask = (commands) =>
    ask(commands).catch((error: unknown) => {
      onDoubt();
      throw error;
    });
  const connectionOf = (node: string, socket: string) => idOf(node, socket);
  /** True for one caller at a time, who renews it by asking again. */
  const claim = ({ marks }: Collections, node: string, token: string): Promise<boolean> => {
    const _id = idOf("evicting", node);
    const take = async (): Promise<boolean> => {
      const expireAt = new Date(clock() + CLAIM_MS);
      if (await insertNew(marks, { _id, token, expireAt })) return true;
      const held = await marks.findOne({ _id });
      if (held?.token === token)
        return (await marks.updateOne({ _id, token }, { $set: { expireAt } })).matchedCount === 1;
      if (held !== null && held.expireAt.getTime() > clock()) return false;
      if (held !== null) await marks.deleteOne({ _id, expireAt: held.expireAt });
      return take();
    };
    return take();
  };
  return {
    connect: (node, socket, user, limit) =>
      turns.take(connectionOf(node, socket), () =>
        write(async (of) => {
          const connection = { _id: connectionOf(node, socket), node, socket, user };
          for (;;) {
            const answer = await connectOnce(of, connection, limit);
            if (answer !== undefined) return answer;
          }
        }),
      ),
    disconnect: (node, socket) =>
      turns.take(connectionOf(node, socket), () =>
        write(async (of) => {
          const held = await of.connections.findOne({ _id: connectionOf(node, socket) });
          return held === null ? { connections: 0, left: [] } : remove(of, held);
        }),
      ),
    enter: (node, socket, user, channel) =>
      turns.take(connectionOf(node, socket), () =>
        write(async (of) => {
          const held = await of.connections.findOne({ _id: connectionOf(node, socket) });
          if (held?.user !== user) return nowhere;
          const _id = idOf(channel, user, node, socket);
          if (!(await insertNew(of.members, { _id, channel, user, node, socket }))) return nowhere;
          const firstOfUser = await occupy(of, { channel, user });
          return { firstOfUser, firstOfChannel: firstOfUser && (await occupy(of, { channel })) };
        }),
      ),
    leave: (node, socket, user, channel) =>
      turns.take(connectionOf(node, socket), () =>
        write(async (of) => {
          const member = { _id: idOf(channel, user, node, socket), channel, user, node, socket };
          if ((await of.members.deleteOne({ _id: member._id })).deletedCount === 0) return still;
          const [left] = await depart(of, [member]);
          return left === undefined ? still : { lastOfUser: true, lastOfChannel: left.lastOfChannel };
        }),
      ),
    users: (channel) => ask(({ members }) => members.distinct("user", { channel })),
    channels: () =>
      ask(async ({ members }) => {
        const counts = members.aggregate<{ _id: string; connections: number }>([
          { $group: { _id: "$channel", connections: { $sum: 1 } } },
        ]);
        return (await counts.toArray()).map(({ _id, connections }) => ({ channel: _id, connections }));
      }),
    connections: (user) =>
      ask(async ({ slots }) => (await slots.find({ user }).toArray()).map(({ node, socket }) => ({ node, socket }))),
    held: (node) =>
      ask(async (of) => {
        const [connections, members] = await Promise.all([
          of.connections.find({ node }).toArray(),
          of.members.find({ node }).toArray(),
        ]);
        const entered = Map.groupBy(members, ({ socket }) => socket);
        return connections.map(({ socket, user }) => ({
          socket,
          user,
          channels: (entered.get(socket) ?? []).map(({ channel }) => channel),
        }));
      }),
    async evict(node) {
      const evicted: Evicted = { sockets: [], left: [] };
      const token = randomUUID();
      for (;;) {
        try {
          const some = await ask(async (of) => {
            if (!(await claim(of, node, token))) return undefined;
            const taken = await evictSome(of, node);
            const expireAt = new Date(clock() + TOLD_MS);
            if (taken !== undefined)
              await of.marks.updateOne({ _id: idOf("evicted", node) }, { $set: { expireAt } }, { upsert: true });
            else await of.marks.deleteOne({ _id: idOf("evicting", node), token });
            return taken;
          });
          if (some === undefined) return evicted;
          evicted.sockets.push(...some.sockets);
          evicted.left.push(...some.left);
        } catch (error) {
          if (evicted.sockets.length === 0) throw error;
          return evicted;
        }
      }
    },
    nodes: () => ask(({ connections }) => connections.distinct("node")),
  };
};
