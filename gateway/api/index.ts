import type { Watched } from "#process";
import { createApp } from "./create-app.ts";
import type { ApiContext } from "./handlers.ts";
import { listen, type Listening } from "./listen.ts";

export type { ApiContext } from "./handlers.ts";

export interface ApiOptions {
  host: string;
  port: number;
  /** API_KEYS_DIR: name → key. */
  keys: Pick<Watched<Record<string, string>>, "current">;
}

/** Serves the HTTP API. Rejects where the port is taken. */
export const serveApi = (context: ApiContext, { host, port, keys }: ApiOptions): Promise<Listening> =>
  listen(
    createApp(context, () => Object.values(keys.current())),
    { host, port },
  );
