import type { Bus, Membership } from "#adapter";
import { DRAIN_TOPIC, drainClaim } from "#crds";
import { jsonOf } from "../signals/answer.ts";
import { shareOf } from "./pace.ts";

export interface BudgetOptions {
  bus: Bus;
  membership: Pick<Membership, "self" | "members" | "onLeave">;
  /** Connections that the whole cluster may close per second. */
  perSecond: number;
  /** ms, monotonic */
  clock?: () => number;
}

/** What a gateway has to close now. */
export interface Want {
  left: number;
  /** It takes no clients any more, so that none is to be sent to it. */
  leaving: boolean;
}

/** The pace of the whole cluster, of which each gateway that closes connections takes its share. */
export interface SharedBudget extends AsyncDisposable {
  /** Tells the others what this gateway has to close, until it is disposed; asked for whenever it is told. */
  want(wanted: () => Want): Disposable;
  /** Tells them again where it is time to, to be called at each step; or now. */
  tell(now?: boolean): void;
  /** Connections per second that this gateway may close now. */
  share(): number;
  /** Whether another gateway takes clients, as far as is known. */
  elsewhere(): boolean;
}

/** Who was heard closing and has not been heard for so long has ended, or is a stranger. */
const FORGET_MS = 30_000;
/** What the others need to answer. */
const ANSWER_MS = 250;
/** Of all gateways together, how many tell per second. */
const TELLINGS_PER_SECOND = 40;
const MAX_EVERY_MS = 5000;

/** Subscribes to what the other gateways tell. Rejects where the Bus cannot be subscribed to. */
export const openBudget = async ({
  bus,
  membership,
  perSecond,
  clock = () => performance.now(),
}: BudgetOptions): Promise<SharedBudget> => {
  const { node } = membership.self;
  const others = new Map<string, Want & { at: number }>();
  const wants = new Set<() => Want>();
  let since = 0;
  let told = 0;

  const own = (): Want => {
    const all = [...wants].map((wanted) => wanted());
    return { left: all.reduce((sum, { left }) => sum + left, 0), leaving: all.some(({ leaving }) => leaving) };
  };
  const tell = () => {
    told = clock();
    bus.publish(DRAIN_TOPIC, Buffer.from(JSON.stringify({ v: 1, node, ...own() })));
  };
  const hear = (message: Uint8Array) => {
    const claim = drainClaim.safeParse(jsonOf(message));
    if (!claim.success || claim.data.node === node) return;
    const { node: other, left, leaving } = claim.data;
    // Answered at the next step, so that many who begin together are answered once.
    if (!others.has(other)) told = Number.NEGATIVE_INFINITY;
    if (left === 0 && !leaving) others.delete(other);
    else others.set(other, { left, leaving, at: clock() });
  };
  const fresh = () => {
    for (const [other, { at }] of others) if (clock() - at > FORGET_MS) others.delete(other);
    return others;
  };
  const gateways = () => membership.members().filter(({ role }) => role === "gateway");

  await using opening = new AsyncDisposableStack();
  opening.use(await bus.subscribe(DRAIN_TOPIC, hear));
  opening.use(membership.onLeave((member) => void others.delete(member.node)));
  const opened = opening.move();
  return {
    want: (wanted) => {
      if (wants.size === 0) since = clock();
      wants.add(wanted);
      tell();
      return {
        [Symbol.dispose]: () => {
          if (wants.delete(wanted)) tell();
        },
      };
    },
    tell: (now = false) => {
      const everyMs = Math.max(ANSWER_MS, ((others.size + 1) * 1000) / TELLINGS_PER_SECOND);
      if (now || clock() - told >= Math.min(MAX_EVERY_MS, everyMs)) tell();
    },
    share: () =>
      shareOf({
        perSecond,
        own: own().left,
        others: [...fresh().values()].map(({ left }) => left),
        gateways: gateways().length,
        isHeard: bus.connected() && clock() - since >= ANSWER_MS,
      }),
    elsewhere: () => gateways().some((it) => it.node !== node && fresh().get(it.node)?.leaving !== true),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};
