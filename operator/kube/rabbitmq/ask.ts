import { z } from "zod";
import { childNames } from "../plan/names.ts";
import type { Client } from "../runtime/client.ts";
import { isControlledBy } from "../runtime/owner.ts";
import { jobsLeft } from "./jobs-left.ts";

const login = z.object({ data: z.object({ username: z.string(), password: z.string() }) });
const plain = (text: string): string => Buffer.from(text, "base64").toString().trim();

/** How old an answer may be, ms. */
const FRESH_MS = 5000;
/** How long the totals may be behind what was confirmed: they are gathered every 5 s. */
const SETTLE_MS = 15_000;
/** A server that nobody asked about for so long is no longer left behind. */
const FORGET_MS = 120_000;

/** Asks a cluster's own RabbitMQ, with the credentials that were made for it (`uidOf` says whose are), how many jobs it holds; undefined where it does not say. */
export const askJobsLeft = (
  client: Pick<Client, "get">,
  {
    clusterDomain,
    uidOf,
    now = Date.now,
    uriOf = (host) => `http://${host}.svc.${clusterDomain}:15672`,
  }: {
    clusterDomain: string;
    uidOf: (key: string) => string | undefined;
    now?: () => number;
    uriOf?: (host: string) => string;
  },
) => {
  const answers = new Map<string, { since: number; at: number; jobs: Promise<number | undefined> }>();
  const ask = async (key: string): Promise<number | undefined> => {
    const [namespace = "", cluster = ""] = key.split("/");
    const name = childNames(cluster).rabbitmq;
    const secret = await client.get({ apiVersion: "v1", kind: "Secret", namespace, name });
    if (secret === undefined || !isControlledBy(secret, uidOf(key))) return undefined;
    const { success, data } = login.safeParse(secret);
    if (!success) return undefined;
    const { username, password } = data.data;
    return jobsLeft({
      uri: uriOf(`${name}.${namespace}`),
      cluster,
      username: plain(username),
      password: plain(password),
    });
  };
  return (key: string): Promise<number | undefined> => {
    for (const [old, { at }] of answers) if (now() - at > FORGET_MS) answers.delete(old);
    const known = answers.get(key);
    const since = known?.since ?? now();
    // What was published a moment ago is not in RabbitMQ's totals yet: to say that nothing waits would be a bad advice.
    if (now() - since < SETTLE_MS) {
      answers.set(key, { since, at: now(), jobs: Promise.resolve(undefined) });
      return Promise.resolve(undefined);
    }
    if (known !== undefined && known.at - since >= SETTLE_MS && now() - known.at < FRESH_MS) return known.jobs;
    const jobs = ask(key).catch(() => undefined);
    answers.set(key, { since, at: now(), jobs });
    return jobs;
  };
};
