import { idOf, insertNew, type Collections, type MemberDocument } from "./collections.ts";

/** What can be occupied: a channel by a user, or by anyone. */
export type Place = Pick<MemberDocument, "channel"> & { user?: string };

const tokenOf = ({ channel, user }: Place): string => (user === undefined ? idOf(channel) : idOf(channel, user));

/** True for exactly one of many: the first, who has entered already. */
export const occupy = ({ occupied }: Collections, place: Place): Promise<boolean> =>
  insertNew(occupied, { _id: tokenOf(place) });

/** Those of `places` in which there is someone. */
const inhabited = async ({ members }: Collections, places: readonly Place[]): Promise<Set<string>> => {
  const channels = [...new Set(places.map(({ channel }) => channel))];
  const users = [...new Set(places.flatMap(({ user }) => user ?? []))];
  if (users.length === 0) {
    const found = await members.distinct("channel", { channel: { $in: channels } });
    return new Set(found.map((channel) => tokenOf({ channel })));
  }
  const filter = { channel: { $in: channels }, user: { $in: users } };
  const found = members.find(filter, { projection: { _id: 0, channel: 1, user: 1 } });
  return new Set((await found.toArray()).map(tokenOf));
};

/**
 * Of places that someone has just left, those in which nobody is any more, each told to one caller only. Who entered between the look and
 * the end of the token is found by a second look: he was not the first, so the token is put back; where another was told meanwhile that he
 * is the first, it was empty for a moment.
 */
export const vacate = async (of: Collections, places: readonly Place[]): Promise<Set<Place>> => {
  if (places.length === 0) return new Set();
  const held = await inhabited(of, places);
  const empty = places.filter((place) => !held.has(tokenOf(place)));
  const ended = await Promise.all(
    empty.map(async (place) => (await of.occupied.deleteOne({ _id: tokenOf(place) })).deletedCount === 1),
  );
  const told = empty.filter((_place, index) => ended[index] === true);
  if (told.length === 0) return new Set();
  const back = await inhabited(of, told);
  const stay = await Promise.all(told.map(async (place) => back.has(tokenOf(place)) && occupy(of, place)));
  return new Set(told.filter((_place, index) => stay[index] === false));
};
