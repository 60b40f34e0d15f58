import { z } from "zod";
import { childNames } from "../plan/names.ts";
import type { Client } from "../runtime/client.ts";
import { jobsLeft } from "./jobs-left.ts";

const login = z.object({ data: z.object({ username: z.string(), password: z.string() }) });
const plain = (text: string): string => Buffer.from(text, "base64").toString().trim();

/** How old an answer may be, ms. */
const FRESH_MS = 5000;

/** Asks a cluster's own RabbitMQ, with the credentials that were made for it, how many jobs it holds; undefined where it does not say. */
export const askJobsLeft = (
  client: Pick<Client, "get">,
  { clusterDomain, now = Date.now }: { clusterDomain: string; now?: () => number },
) => {
  const answers = new Map<string, { at: number; jobs: Promise<number | undefined> }>();
  const ask = async (key: string): Promise<number | undefined> => {
    const [namespace = "", cluster = ""] = key.split("/");
    const name = childNames(cluster).rabbitmq;
    const { success, data } = login.safeParse(await client.get({ apiVersion: "v1", kind: "Secret", namespace, name }));
    if (!success) return undefined;
    const { username, password } = data.data;
    const uri = `http://${name}.${namespace}.svc.${clusterDomain}:15672`;
    return jobsLeft({ uri, cluster, username: plain(username), password: plain(password) });
  };
  return (key: string): Promise<number | undefined> => {
    const known = answers.get(key);
    if (known !== undefined && now() - known.at < FRESH_MS) return known.jobs;
    for (const [old, { at }] of answers) if (now() - at > FRESH_MS) answers.delete(old);
    const jobs = ask(key).catch(() => undefined);
    answers.set(key, { at: now(), jobs });
    return jobs;
  };
};
