import type { RoleName } from "../../topology/model.ts";

/** Bytes. Node takes half of a limit for its heap by itself (measured: 560 MiB of 1 Gi, never less than 259), so nothing more is said to it. */
const LIMITS: Record<RoleName, string> = { gateway: "1Gi", worker: "1Gi", hub: "2Gi", entry: "256Mi" };

/** What a pod gets whose user says nothing: room when idle, a bound on memory and none on CPU, since throttling is latency. */
export const defaultResources = (role: RoleName) => ({
  requests: { cpu: role === "worker" ? "50m" : "100m", memory: "128Mi" },
  limits: { memory: LIMITS[role] },
});
