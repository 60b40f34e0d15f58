import { once } from "node:events";
import type { Server } from "node:http";

/** A port that is listened on; disposing takes no more, lets what is under way end for `graceMs`, then closes. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** Rejects where the port is taken. */
export const listen = async (
  server: Server,
  { host, port }: { host: string; port: number },
  graceMs = 2000,
): Promise<Listening> => {
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
};
