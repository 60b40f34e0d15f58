import type { KubeConfig } from "@kubernetes/client-node";
import type { Client } from "./client.ts";

const refuse = (mayAct: () => boolean): void => {
  if (!mayAct()) throw new Error("nothing was written: this process does not lead");
};

/** `client`, but that a write is refused, with nothing sent, while `mayAct` says no. */
export const fenced = (client: Client, mayAct: () => boolean): Client => {
  return {
    get: (ref) => client.get(ref),
    list: (kind, options) => client.list(kind, options),
    create: async (object, options) => {
      refuse(mayAct);
      return client.create(object, options);
    },
    apply: async (object, options) => {
      refuse(mayAct);
      return client.apply(object, options);
    },
    merge: async (ref, body, options) => {
      refuse(mayAct);
      return client.merge(ref, body, options);
    },
    delete: async (ref, options) => {
      refuse(mayAct);
      return client.delete(ref, options);
    },
  };
};

/**
 * `config`, but that a client opened with it sends no write while `mayAct` says no. That is asked when the request's turn has come and its
 * credentials are there: a write that waited for its turn while the process was stopped is not sent when the process goes on.
 */
export const fencedConfig = (config: KubeConfig, mayAct: () => boolean): KubeConfig => {
  const apply = config.applyToHTTPSOptions.bind(config);
  config.applyToHTTPSOptions = async (options) => {
    await apply(options);
    if ("method" in options && options.method !== "GET") refuse(mayAct);
  };
  return config;
};
