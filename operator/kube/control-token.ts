import { z } from "zod";
import { childNames } from "./plan/names.ts";
import { type Client, type KubeObject, isControlledBy } from "./runtime/index.ts";
import { SECRET } from "./secrets.ts";

const keys = z.object({ data: z.object({ "control-token": z.string() }) });

const readControlToken = async (client: Pick<Client, "get">, key: string, uid: string | undefined): Promise<string> => {
  const [namespace = "", cluster = ""] = key.split("/");
  const secret = await client.get({ ...SECRET, namespace, name: childNames(cluster).keys });
  if (secret !== undefined && !isControlledBy(secret, uid)) throw new Error(`the Secret of ${key} is somebody else's`);
  return Buffer.from(keys.parse(secret).data["control-token"], "base64").toString().trim();
};

/** What tells one state of the Secret from another; undefined: it was not seen. */
export const tokenSeen = (key: string, live: readonly KubeObject[]): string | undefined => {
  const name = childNames(key.split("/")[1] ?? "").keys;
  const found = live.find(({ kind, metadata }) => kind === "Secret" && metadata.name === name);
  return found && `${found.metadata.uid} ${found.metadata.resourceVersion}`;
};

/**
 * The bearer tokens of clusters' control ports, from the Secrets that were made for them; each is read once while `seen` says that its
 * Secret stays what it is. Rejects where it is not there, or is not owned by the cluster of that uid.
 */
export const createControlTokens = (
  client: Pick<Client, "get">,
  { seen, uidOf }: Record<"seen" | "uidOf", (key: string) => string | undefined>,
) => {
  const known = new Map<string, { seen: string | undefined; token: string }>();
  return {
    /** `uid`: of a cluster that is gone already. */
    of: async (key: string, uid = uidOf(key)): Promise<string> => {
      const now = seen(key);
      const found = known.get(key);
      if (found !== undefined && now !== undefined && found.seen === now) return found.token;
      const token = await readControlToken(client, key, uid);
      known.set(key, { seen: now, token });
      return token;
    },
    forget: (key: string) => void known.delete(key),
  };
};
