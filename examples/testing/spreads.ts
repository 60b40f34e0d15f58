import { expect } from "@jest/globals";
import { eventually } from "#testing";
import { openClient } from "./client.ts";
import { PATIENCE, type RunningExample } from "./run-example.ts";

/** Of each gateway. */
export const connections = async (example: RunningExample) =>
  (await example.snapshot()).gateways.map(({ connections }) => connections);

/** Resolves once the entry knows both gateways: of two connections each gets one. */
export const spreads = (example: RunningExample) =>
  eventually(async () => {
    using probes = new DisposableStack();
    probes.use(await openClient(example.url));
    probes.use(await openClient(example.url));
    // Gateways tell of each other once a second.
    await eventually(async () => expect(await connections(example)).toEqual([1, 1]), { timeoutMs: 3000 });
  }, PATIENCE);
