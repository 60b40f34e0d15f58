const get = (path: string) => ({ httpGet: { path, port: "probes", scheme: "HTTP" } });

/**
 * A process that is loaded answers /healthz, also while it waits for its servers. One that is ready and then very busy is left its clients
 * for half a minute without an answer, and its life for one to two; one that says itself that it is not ready is believed within 6 s.
 */
export const probes = {
  startupProbe: { ...get("/healthz"), periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 120, successThreshold: 1 },
  readinessProbe: { ...get("/readyz"), periodSeconds: 2, timeoutSeconds: 10, failureThreshold: 3, successThreshold: 1 },
  livenessProbe: {
    ...get("/healthz"),
    periodSeconds: 10,
    timeoutSeconds: 10,
    failureThreshold: 6,
    successThreshold: 1,
  },
} as const;
