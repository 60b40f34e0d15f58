import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Express } from "express";
import type { Registry } from "prom-client";
import type { Candidate } from "./leader-election.ts";
import type { WorkQueue } from "./work-queue.ts";

/** A sentence where something is wrong, else undefined. */
export type Check = () => string | undefined;

export interface HealthOptions {
  host?: string;
  /** 0: any that is free. */
  ports: { probes: number; metrics: number };
  registry: Registry;
  /** What only a new process mends. */
  alive: readonly Check[];
  /** What keeps this process from doing its part now. */
  ready: readonly Check[];
}

export interface Health extends AsyncDisposable {
  readonly ports: { probes: number; metrics: number };
}

const MINUTE = 60_000;

/** Wrong when one key has been in work for longer than any pass should take. */
export const notStuck =
  (queue: Pick<WorkQueue, "longestRunning">, mostMs = 5 * MINUTE): Check =>
  () => {
    const oldest = queue.longestRunning();
    return oldest === undefined || oldest.ms < mostMs
      ? undefined
      : `${oldest.key} has been in work for ${Math.round(oldest.ms / 1000)} s`;
  };

/** Wrong when the loop that stands for leader has stopped trying. */
export const standsForLeader =
  (candidate: Pick<Candidate, "silentMs">, mostMs = MINUTE): Check =>
  () => {
    const ms = candidate.silentMs();
    return ms < mostMs ? undefined : `leader election has not tried for ${Math.round(ms / 1000)} s`;
  };

const answer = (app: Express, path: string, checks: readonly Check[]): void => {
  app.get(path, (_request, response) => {
    const wrong = checks.map((check) => check()).filter((it) => it !== undefined);
    response
      .status(wrong.length === 0 ? 200 : 503)
      .type("text")
      .send(wrong.join("\n") || "ok");
  });
};

const serve = async (app: Express, host: string | undefined, port: number) => {
  const server = createServer(app).listen({ port, ...(host === undefined ? {} : { host }) });
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

/** `/healthz` and `/readyz` (503 with the reasons) on one port, `/metrics` (Prometheus' text) on another, which may then be kept from others. */
export const serveHealth = async ({ host, ports, registry, alive, ready }: HealthOptions): Promise<Health> => {
  await using stack = new AsyncDisposableStack();
  const probes = express().disable("x-powered-by");
  answer(probes, "/healthz", alive);
  answer(probes, "/readyz", ready);
  const metrics = express().disable("x-powered-by");
  metrics.get("/metrics", async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  const { port } = stack.use(await serve(probes, host, ports.probes));
  const { port: metricsPort } = stack.use(await serve(metrics, host, ports.metrics));
  const started = stack.move();
  return { ports: { probes: port, metrics: metricsPort }, [Symbol.asyncDispose]: () => started.disposeAsync() };
};
