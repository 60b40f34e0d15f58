import { createServer, type Server } from "node:http";
import type { Watched } from "#process";
import { apiKeys } from "../workers/keys.ts";
import { createApp } from "./create-app.ts";
import type { ApiContext } from "./handlers.ts";
import { listen, type Listening } from "./listen.ts";

export type { ApiContext } from "./handlers.ts";

export interface ApiOptions {
  host: string;
  port: number;
  /** API_KEYS_DIR: name → key. */
  keys: Pick<Watched<Record<string, string>>, "current">;
  /** What else is served on the port; disposed while the port takes no more. */
  attach?: (server: Server) => Promise<AsyncDisposable>;
}

/** Serves the HTTP API. Rejects where the port is taken. */
export const serveApi = async (context: ApiContext, { host, port, keys, attach }: ApiOptions): Promise<Listening> => {
  const server = createServer(createApp(context, () => apiKeys(keys.current())));
  await using opening = new AsyncDisposableStack();
  const attached = opening.use(await attach?.(server));
  const listening = await listen(server, { host, port });
  opening.move();
  return {
    port: listening.port,
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all([attached?.[Symbol.asyncDispose](), listening[Symbol.asyncDispose]()])),
  };
};
