import type { EmitTarget } from "#adapter";
import { isOwnEvent, Refusal, type OperationOutput, type PublishRequest } from "#crds";
import { newJobId } from "../routing/job-ids.ts";
import { checkPayload } from "../routing/payload-size.ts";
import type { ApiContext } from "./handlers.ts";

/** The key under which an id of a publish is kept; it has no `/`, so that it is no job's. */
const publishKey = (id: string): string => `publish:${encodeURIComponent(id)}`;

/** Publishes for a server: once per id where the store answers; rejects with a Refusal where nothing was sent. */
export const publisher = (context: ApiContext, newId: (now: number) => string = newJobId) => {
  const { delivery, store, settings, clock, log, node } = context;
  const emitter = delivery.emitter();
  const targetOf = ({ channel, user }: PublishRequest): EmitTarget => {
    if (channel !== undefined) return emitter.to(channel);
    return user === undefined ? emitter.broadcast() : emitter.toUser(user);
  };

  const send = async (request: PublishRequest, id: string): Promise<OperationOutput<"publish">> => {
    if (!delivery.bus.connected()) throw new Refusal("delivery_unavailable");
    const { channel, event, data } = request;
    const args = data === undefined ? [] : [data];
    targetOf(request).emit(event, ...args);
    await delivery.confirmed();
    if (channel === undefined) return { ok: true, id };
    try {
      await context.remember(channel, { id, event, args, at: clock() });
      return { ok: true, id };
    } catch (error) {
      log.warn({ err: error }, "the history could not take an event");
      return { ok: true, id, remembered: false };
    }
  };

  const begin = async (id: string, event: string) => {
    try {
      return await store.ids.begin(publishKey(id), { gateway: node, event });
    } catch {
      return undefined;
    }
  };

  const sendOnce = async (request: PublishRequest, id: string): Promise<OperationOutput<"publish">> => {
    const mark = await begin(id, request.event);
    if (mark === undefined) return { ...(await send(request, id)), deduplicated: false };
    if (mark.state !== "new" && mark.event !== request.event) throw new Refusal("id_conflict");
    if (mark.state === "taken") return { ok: true, id };
    try {
      const answer = await send(request, id);
      await store.ids.take(publishKey(id), answer).catch(() => undefined);
      return answer;
    } catch (error) {
      await store.ids.drop(publishKey(id)).catch(() => undefined);
      throw error;
    }
  };

  return async (request: PublishRequest): Promise<OperationOutput<"publish">> => {
    if (isOwnEvent(request.event)) throw new Refusal("reserved_event");
    checkPayload(request.data, settings.limits.payloadBytes);
    return request.id === undefined ? send(request, newId(clock())) : sendOnce(request, request.id);
  };
};
