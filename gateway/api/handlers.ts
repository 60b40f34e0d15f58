import { isOwnEvent, Refusal, type OperationId, type OperationInput, type OperationOutput, type Pool } from "#crds";
import type { Bus, Emitter } from "#adapter";
import type { Inspector } from "#broker";
import type { Ids, Ledger, Presence } from "#store";
import type { GatewayContext, HandlerFailure } from "../context.ts";
import { publisher } from "./publish.ts";

/** What the API needs of its gateway. */
export interface ApiContext extends Pick<
  GatewayContext,
  "node" | "log" | "registry" | "refusals" | "clock" | "submit" | "revoke" | "remember"
> {
  settings: { limits: Pick<GatewayContext["settings"]["limits"], "payloadBytes"> };
  delivery: { bus: Pick<Bus, "connected">; emitter(): Emitter; confirmed(): Promise<void> };
  broker: () => Inspector | undefined;
  store: {
    ledger: Pick<Ledger, "get">;
    presence: Pick<Presence, "channels" | "users" | "connections">;
    ids: Ids;
  };
  config: Pick<GatewayContext["config"], "current">;
}

/** An operation's act: its input is parsed; a HandlerFailure is answered with the status of its code. */
export type Handlers = {
  [K in OperationId]: (input: OperationInput<K>) => Promise<OperationOutput<K> | HandlerFailure>;
};

/** The broker, or the refusal that there is none now. */
export const brokerOf = ({ broker }: { broker: () => Inspector | undefined }): Inspector => {
  const it = broker();
  if (it === undefined) throw new Refusal("broker_unavailable");
  return it;
};

/** The live configuration's pool of that name, or `not_found`. */
export const poolOf = ({ config }: Pick<ApiContext, "config">, name: string): Pool => {
  const pool = config.current().pools.find((it) => it.name === name);
  if (pool === undefined) throw new Refusal("not_found", "there is no pool of this name");
  return pool;
};

/** Every operation of the HTTP API; that none is missing and none is undescribed is in the type. */
export const createHandlers = (context: ApiContext): Handlers => {
  const { delivery, store, clock } = context;
  const { presence, ledger } = store;
  const emitter = delivery.emitter();
  const connected = () => {
    if (!delivery.bus.connected()) throw new Refusal("delivery_unavailable");
    return emitter;
  };
  const publish = publisher(context);

  return {
    publish: ({ body }) => publish(body),

    submitJob: async ({ body: { event, payload, user, id } }) => {
      if (isOwnEvent(event)) throw new Refusal("reserved_event");
      return context.submit({ event, payload, user, id });
    },

    getJob: async ({ params, query }) => {
      const job = await ledger.get(query.user, params.id);
      if (job === undefined) throw new Refusal("not_found");
      return { ok: true, job };
    },

    listChannels: async () => ({ ok: true, channels: await presence.channels() }),

    getChannel: async ({ params: { name } }) => ({ ok: true, channel: name, users: await presence.users(name) }),

    getUser: async ({ params: { id } }) => {
      const connections = (await presence.connections(id)).length;
      return { ok: true, user: id, online: connections > 0, connections };
    },

    joinChannel: async ({ params: { id, name } }) => {
      connected().join(id, name);
      await delivery.confirmed();
      return { ok: true };
    },

    leaveChannel: async ({ params: { id, name } }) => {
      connected().leave(id, name);
      await delivery.confirmed();
      return { ok: true };
    },

    disconnectUser: async ({ params: { id } }) => {
      connected().disconnect(id);
      await delivery.confirmed();
      return { ok: true };
    },

    revoke: async ({ body: { jti, user, before, ttlSeconds } }) => {
      if (jti !== undefined) await context.revoke({ jti }, ttlSeconds);
      else if (user !== undefined) await context.revoke({ user, before: before ?? clock() }, ttlSeconds);
      return { ok: true };
    },

    listPools: async () => {
      const { pools } = context.config.current();
      if (pools.length === 0) return { ok: true, pools: [] };
      const broker = brokerOf(context);
      const depths = pools.map(async (pool) => ({
        pool: pool.name,
        mode: pool.mode,
        ...(await broker.depth(pool)),
      }));
      return { ok: true, pools: await Promise.all(depths) };
    },

    listDead: async ({ params: { name }, query: { limit } }) => ({
      ok: true,
      letters: await brokerOf(context).deadLetters(poolOf(context, name), limit),
    }),

    redriveDead: async ({ params: { name }, body: { ids } }) => ({
      ok: true,
      count: await brokerOf(context).redrive(poolOf(context, name), ids),
    }),
  };
};
