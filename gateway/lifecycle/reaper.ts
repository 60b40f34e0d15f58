import type { Member, Membership } from "#adapter";
import type { Log } from "#process";
import type { Evicted, Presence } from "#store";

export interface ReaperOptions {
  presence: Presence;
  connected: () => boolean;
  membership: Membership;
  node: string;
  /** What another gateway held when it went. */
  onEvicted: (evicted: Evicted) => void;
  /** Mends what this node could not tell the store. */
  mend: () => Promise<void>;
  clock: () => number;
  log: Log;
  everyMs?: number;
}

const ABSENT_MS = 20_000;

/** Nodes in the store that have been no members for `ABSENT_MS`; `since` is kept between looks. */
export const absentees = (
  nodes: readonly string[],
  members: readonly Pick<Member, "node">[],
  since: Map<string, number>,
  now: number,
): string[] => {
  const present = new Set(members.map(({ node }) => node));
  const missing = new Set(nodes.filter((node) => !present.has(node)));
  for (const node of since.keys()) if (!missing.has(node)) since.delete(node);
  for (const node of missing) if (!since.has(node)) since.set(node, now);
  return [...missing].filter((node) => now - (since.get(node) ?? now) >= ABSENT_MS);
};

/**
 * Takes out of the store what gateways held that are gone: at once when the membership sees one leave, and by looking every few
 * seconds for those that left while nobody looked. The store gives it to one of us only.
 */
export const startReaper = ({
  presence,
  connected,
  membership,
  node,
  onEvicted,
  mend,
  clock,
  log,
  everyMs = 5000,
}: ReaperOptions): Disposable => {
  const since = new Map<string, number>();
  const evict = async (gone: string) => {
    const evicted = await presence.evict(gone);
    if (evicted.sockets.length > 0 || evicted.left.length > 0)
      log.info({ gone, sockets: evicted.sockets.length }, "evicted what a gateway left behind");
    onEvicted(evicted);
  };
  const look = async () => {
    if (!connected()) return;
    await mend();
    const others = (await presence.nodes()).filter((it) => it !== node);
    for (const gone of absentees(others, membership.members(), since, clock())) {
      since.delete(gone);
      await evict(gone);
    }
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch((error: unknown) => log.debug({ err: error }, "the store was not looked through"))
      .finally(() => (looking = false));
  }, everyMs);
  timer.unref();
  const leaves = membership.onLeave((member) => {
    if (member.role !== "gateway" || member.node === node) return;
    evict(member.node).catch((error: unknown) => log.debug({ err: error }, "a gateway is evicted later"));
  });
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      leaves[Symbol.dispose]();
    },
  };
};
