import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import type { Registry } from "prom-client";

export interface Probes extends AsyncDisposable {
  readonly port: number;
}

/** `/healthz` (503 with what only a new process mends), `/readyz` (503 with the reasons while not ready), `/metrics` (Prometheus text). */
export const serveProbes = async (
  { host, port }: { host: string; port: number },
  {
    registry,
    notReady,
    notAlive = () => [],
  }: { registry: Registry; notReady: () => string[]; notAlive?: () => string[] },
): Promise<Probes> => {
  const app = express().disable("x-powered-by");
  const answer = (path: string, wrong: () => string[]) =>
    app.get(path, (_request, response) => {
      const reasons = wrong();
      response.status(reasons.length === 0 ? 200 : 503).send(reasons.length === 0 ? "ok" : reasons.join("\n"));
    });
  answer("/healthz", notAlive);
  answer("/readyz", notReady);
  app.get("/metrics", async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  const server: Server = createServer(app).listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
