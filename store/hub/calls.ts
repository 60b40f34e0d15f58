import { decode, Encoder } from "@msgpack/msgpack";
import { Refusal, STORE_CALLS, storeReply, type StoreAnswer, type StoreAsk, type StoreCall } from "#crds";
import type { Link } from "#link";

interface Waiting {
  resolve(body: Uint8Array): void;
  reject(reason: unknown): void;
  until: number;
}

/** Calls of the hub's store over a line. */
export interface HubCalls extends Disposable {
  /** Rejects with the Refusal `store_unavailable` where the hub is away, does not answer within 2 s, or refuses. */
  call<C extends StoreCall>(name: C, ask: StoreAsk<C>): Promise<StoreAnswer<C>>;
}

const ANSWER_MS = 2000;
const LOOK_MS = 100;
/** More calls at once are refused. */
const MAX_WAITING = 20_000;

const unavailable = (cause: unknown): Refusal => new Refusal("store_unavailable", undefined, { cause });

/** `onLost`: the hub says that another evicted this node. */
export const hubCalls = (
  link: Link,
  { cluster, onLost, clock = () => performance.now() }: { cluster: string; onLost: () => void; clock?: () => number },
): HubCalls => {
  const encoder = new Encoder({ ignoreUndefined: true });
  const waiting = new Map<number, Waiting>();
  let next = 0;
  let closed = false;

  const refuseAll = (why: string) => {
    const refused = [...waiting.values()];
    waiting.clear();
    for (const { reject } of refused) reject(unavailable(new Error(why)));
  };
  // All wait equally long, so those that are late stand first.
  const look = setInterval(() => {
    for (const [id, { until, reject }] of waiting) {
      if (until > clock()) return;
      waiting.delete(id);
      reject(unavailable(new Error("the hub did not answer in time")));
    }
  }, LOOK_MS);
  look.unref();

  link.onDown(() => refuseAll("the hub went away"));
  link.onMessage((header, body) => {
    const parsed = storeReply.safeParse(header);
    if (!parsed.success) return;
    if ("lost" in parsed.data) return onLost();
    const call = waiting.get(parsed.data.id);
    waiting.delete(parsed.data.id);
    if (parsed.data.ok) call?.resolve(body);
    else call?.reject(unavailable(new Error(parsed.data.message)));
  });

  const send = (name: StoreCall, ask: unknown): Promise<Uint8Array> => {
    if (closed) throw unavailable(new Error("the store is closed"));
    if (waiting.size >= MAX_WAITING) throw unavailable(new Error("too many calls wait for the hub"));
    const id = next++;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    waiting.set(id, { resolve, reject, until: clock() + ANSWER_MS - LOOK_MS });
    if (!link.send({ id, call: name, cluster }, encoder.encode(ask))) {
      waiting.delete(id);
      throw unavailable(new Error("the hub is away"));
    }
    return promise;
  };

  return {
    async call<C extends StoreCall>(name: C, ask: StoreAsk<C>): Promise<StoreAnswer<C>> {
      const body = await send(name, ask);
      // `name` chooses the schema and the type alike.
      return STORE_CALLS[name].answer.parse(decode(body)) as StoreAnswer<C>;
    },
    [Symbol.dispose]() {
      closed = true;
      clearInterval(look);
      refuseAll("the store is closed");
    },
  };
};
