import { jobKey, Refusal, type Job, type Pool } from "#crds";
import type { Broker } from "#broker";
import { counter, type Log } from "#process";
import type { Ids } from "#store";
import type { Counter, Registry } from "prom-client";
import { z } from "zod";
import type { Ack, Outcome, Submission, Submit, Take } from "../context.ts";
import type { AckGate } from "./ack-gate.ts";
import { newJobId } from "./job-ids.ts";
import { orderKey } from "./order-key.ts";
import { checkPayload } from "./payload-size.ts";
import type { Queued } from "./queued.ts";
import type { Requests } from "./requests.ts";
import type { Route } from "./routes.ts";
import type { Intake } from "../signals/index.ts";

export interface TakeOptions {
  route: (event: string) => Route;
  broker: () => Broker | undefined;
  ids: Ids;
  requests: Requests;
  gate: AckGate;
  queued: Pick<Queued, "taken" | "heard">;
  intake: Pick<Intake, "taken">;
  node: string;
  /** Bytes of one payload as JSON; undefined: any. */
  payloadBytes: number | undefined;
  clock: () => number;
  log: Log;
  registry: Registry;
  newId?: (now: number) => string;
}

const MAX_ID = 128;
const MAX_EVENT = 200;

/** A job and the pool that it goes to. */
type Addressed = [pool: Pool, job: Job];

const takenAck = z.union([
  z.object({ ok: z.literal(true), id: z.string(), durable: z.boolean() }),
  z.object({ ok: z.literal(true), copies: z.number() }),
]);

/** Makes the hot path and its promise form; what it drops beside the answer is counted in `realtime_copies_dropped_total`. */
export const createTake = ({
  route,
  broker,
  ids,
  requests,
  gate,
  queued,
  intake,
  node,
  payloadBytes,
  clock,
  log,
  registry,
  newId = newJobId,
}: TakeOptions): { take: Take; submit: Submit } => {
  const events = counter(registry, {
    name: "realtime_events_total",
    help: "Events that pools took, by pool and mode",
    labelNames: ["pool", "mode"] as const,
  });
  const copiesDropped = counter(registry, {
    name: "realtime_copies_dropped_total",
    help: "Copies of events that the broker did not take, by pool",
    labelNames: ["pool"] as const,
  });
  const undeduplicated = counter(registry, {
    name: "realtime_ids_unchecked_total",
    help: "Jobs with a client's id that were taken without the store",
  });

  const counters = new WeakMap<Pool, Counter.Internal>();
  const counted = (pool: Pool): Counter.Internal => {
    const known = counters.get(pool);
    if (known !== undefined) return known;
    const counter = events.labels(pool.name, pool.mode);
    counters.set(pool, counter);
    return counter;
  };

  const refusalOf = (error: unknown): Refusal => {
    if (error instanceof Refusal) return error;
    log.error({ err: error }, "an event could not be handled");
    return new Refusal("internal", undefined, { cause: error });
  };

  const plane = (): Broker => {
    const it = broker();
    if (it === undefined) throw new Refusal("broker_unavailable");
    return it;
  };

  const jobFor = (pool: Pool, { event, payload = null, user, id }: Submission, given: string, at: number): Job => {
    const key = orderKey(pool.orderBy, user, payload);
    return {
      v: 1,
      id: given,
      event,
      payload,
      mode: pool.mode,
      at,
      ...(user !== undefined && { user }),
      ...(id !== undefined && { given: true }),
      ...(key !== undefined && { key }),
      ...(pool.mode === "request" && { replyTo: node }),
    };
  };

  const publish = async (pool: Pool, job: Job): Promise<{ durable: boolean }> => {
    counted(pool).inc();
    const published = await plane().publish(pool, job);
    intake.taken(pool.name);
    return published;
  };

  /** Resolves with whether the copy was confirmed, or the Refusal. */
  const publishCopy = async (pool: Pool, job: Job): Promise<Refusal | undefined> => {
    try {
      await publish(pool, job);
      return undefined;
    } catch (error) {
      copiesDropped.inc({ pool: pool.name });
      return error instanceof Refusal ? error : new Refusal("internal", undefined, { cause: error });
    }
  };

  const begin = async (key: string, event: string): Promise<{ tracked: boolean; ack?: Ack }> => {
    try {
      const mark = await ids.begin(key, { gateway: node, event });
      if (mark.state !== "new" && mark.event !== event) throw new Refusal("id_conflict");
      if (mark.state !== "taken") return { tracked: true };
      const ack = takenAck.safeParse(mark.ack);
      return ack.success ? { tracked: true, ack: ack.data } : { tracked: true };
    } catch (error) {
      if (error instanceof Refusal && error.code === "store_unavailable") {
        undeduplicated.inc();
        return { tracked: false };
      }
      throw error;
    }
  };

  /** What the broker confirmed, as the sender is told. */
  const confirm = async (main: Addressed | undefined, copies: Addressed[], id: string): Promise<Ack> => {
    const copied = copies.map((copy) => publishCopy(...copy));
    if (main !== undefined) {
      const [{ durable }] = await Promise.all([publish(...main), ...copied]);
      queued.taken(main[0].name, main[1]);
      return { ok: true, id, durable };
    }
    const failures = (await Promise.all(copied)).filter((failure) => failure !== undefined);
    const [first] = failures;
    if (first !== undefined && failures.length === copies.length) throw first;
    return { ok: true, copies: copies.length - failures.length };
  };

  const takeJob = async (
    submission: Submission,
    id: string,
    main: Addressed | undefined,
    copies: Addressed[],
  ): Promise<Ack> => {
    if (submission.id === undefined) return confirm(main, copies, id);
    const key = jobKey(submission.user, id);
    const { tracked, ack: before } = await begin(key, submission.event);
    if (before !== undefined) return before;
    try {
      const ack = await confirm(main, copies, id);
      if (!tracked) return "id" in ack ? { ...ack, deduplicated: false } : ack;
      ids.take(key, ack, submission.event).catch(() => undeduplicated.inc());
      return ack;
    } catch (error) {
      if (tracked) ids.drop(key).catch(() => undeduplicated.inc());
      throw error;
    }
  };

  const takeRequest = ([pool, job]: Addressed, copies: Addressed[], settle: (outcome: Outcome) => void): void => {
    const key = jobKey(job.user, job.id);
    requests.ask(key, pool.timeoutSeconds * 1000, (it) => {
      if (it === undefined) settle(new Refusal("request_timeout"));
      else if (it.error === undefined) settle({ ok: true, result: it.result });
      else settle({ ok: false, error: it.error });
    });
    for (const copy of copies) void publishCopy(...copy);
    publish(pool, job).catch((error: unknown) => {
      requests.forget(key);
      settle(refusalOf(error));
    });
  };

  const take: Take = (submission, settle) => {
    const { event, socket, user, id: given } = submission;
    try {
      if (event.length > MAX_EVENT) throw new Refusal("unknown_event");
      const { pool, copies } = route(event);
      if (pool === undefined && copies.length === 0) throw new Refusal("unknown_event");
      if (given !== undefined && (given === "" || given.length > MAX_ID))
        throw new Refusal("invalid_payload", `an id has 1 to ${MAX_ID} characters`);
      checkPayload(submission.payload ?? null, payloadBytes);
      const at = clock();
      const id = given ?? newId(at);
      const paired = (to: Pool): Addressed => [to, jobFor(to, submission, id, at)];
      const main = pool && paired(pool);
      const copied = copies.map(paired);
      if (main !== undefined && main[0].mode === "request") return takeRequest(main, copied, settle);

      const key = jobKey(user, id);
      const owed = socket !== undefined && gate.owe(key, socket);
      const end = (outcome: Outcome) => {
        if (!owed) settle(outcome);
        else if (gate.paid(key, socket, () => settle(outcome))) queued.heard(key);
      };
      takeJob(submission, id, main, copied).then(end, (error: unknown) => end(refusalOf(error)));
    } catch (error) {
      settle(refusalOf(error));
    }
  };

  const submit: Submit = (submission) =>
    new Promise((resolve, reject) => {
      take(submission, (outcome) => (outcome instanceof Refusal ? reject(outcome) : resolve(outcome)));
    });
  return { take, submit };
};
