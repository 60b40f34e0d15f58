import { z } from "zod";
import { childNames } from "./plan/names.ts";
import type { Client } from "./runtime/client.ts";
import { SECRET } from "./secrets.ts";

const keys = z.object({ data: z.object({ "control-token": z.string() }) });

/** The bearer token of a cluster's control ports, from the Secret that was made for it. Rejects where it is not there. */
export const readControlToken = async (client: Pick<Client, "get">, key: string): Promise<string> => {
  const [namespace = "", cluster = ""] = key.split("/");
  const secret = await client.get({ ...SECRET, namespace, name: childNames(cluster).keys });
  return Buffer.from(keys.parse(secret).data["control-token"], "base64").toString().trim();
};
