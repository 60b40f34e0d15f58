import type { Client } from "./client.ts";

/** `client`, but that a write is refused, with nothing sent, while `mayAct` says no. */
export const fenced = (client: Client, mayAct: () => boolean): Client => {
  const check = (): void => {
    if (!mayAct()) throw new Error("nothing was written: this process does not lead");
  };
  return {
    get: (ref) => client.get(ref),
    list: (kind, options) => client.list(kind, options),
    create: async (object, options) => {
      check();
      return client.create(object, options);
    },
    apply: async (object, options) => {
      check();
      return client.apply(object, options);
    },
    merge: async (ref, body, options) => {
      check();
      return client.merge(ref, body, options);
    },
    delete: async (ref, options) => {
      check();
      return client.delete(ref, options);
    },
  };
};
