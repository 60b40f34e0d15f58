import { namespaceTopic, roomTopic } from "./cluster-message.ts";

/** For so long after a join was published, what is said to the room goes to everyone too: who joined may not be subscribed yet. */
const JOINING_MS = 5000;
const MAX_JOINING = 10_000;
/** What names more rooms than this goes to the namespace's topic alone. */
export const MAX_ROOMS = 256;

/** Whether a room has a topic of its own. Rooms of the form of a socket's id have none: they hold one socket, and come and go with it. */
export const isBindable = (room: string): boolean => !/^[\w-]{20}$/.test(room);

/** Where what one process says to rooms is published, so that all who hold a member hear it, in the order in which it was said. */
export interface Addressing {
  /** `rooms` empty: everyone. */
  topics(nsp: string, rooms: ReadonlySet<string>): string | readonly string[];
  /** Others' sockets are told to join `rooms`. */
  joined(nsp: string, rooms: Iterable<string>): void;
}

export const createAddressing = (clock: () => number = () => performance.now()): Addressing => {
  /** Topic → until when, in the order of `until`. */
  const joining = new Map<string, number>();
  let allUntil = -Infinity;
  const isJoining = (topic: string, now: number): boolean => {
    const until = joining.get(topic);
    if (until === undefined) return now < allUntil;
    if (now < until) return true;
    joining.delete(topic);
    return now < allUntil;
  };
  return {
    topics: (nsp, rooms) => {
      if (rooms.size === 0 || rooms.size > MAX_ROOMS) return namespaceTopic(nsp);
      const own: string[] = [];
      for (const room of rooms) if (isBindable(room)) own.push(roomTopic(nsp, room));
      const now = joining.size > 0 || allUntil > 0 ? clock() : 0;
      const narrow = own.length === rooms.size && (now === 0 || !own.some((topic) => isJoining(topic, now)));
      if (!narrow) own.unshift(namespaceTopic(nsp));
      const [only] = own;
      return only !== undefined && own.length === 1 ? only : own;
    },
    joined: (nsp, rooms) => {
      const now = clock();
      for (const room of rooms) {
        const topic = roomTopic(nsp, room);
        joining.delete(topic);
        joining.set(topic, now + JOINING_MS);
      }
      for (const [topic, until] of joining) {
        if (until > now && joining.size <= MAX_JOINING) break;
        if (until > now) allUntil = Math.max(allUntil, until);
        joining.delete(topic);
      }
    },
  };
};
