import type { Gateway } from "#crds";

const HOUR = 3600;

/** How long a connection may be silent at the entry: never less than socket.io's own heartbeat. */
const silenceSeconds = ({ options: { pingInterval = 0, pingTimeout = 0 } }: Gateway): number =>
  Math.max(HOUR, Math.ceil((pingInterval + pingTimeout) / 1000));

/**
 * What controllers are told about WebSockets, by the prefix that is each one's own: nobody else reads it, and a class may have any
 * name. Where each is documented: docs/exposing.md. HAProxy Technologies' takes this from its own ConfigMap alone, an hour by default.
 */
const longConnections = (gateway: Gateway): Record<string, string> => {
  const seconds = silenceSeconds(gateway);
  return {
    "nginx.ingress.kubernetes.io/proxy-read-timeout": String(seconds),
    "nginx.ingress.kubernetes.io/proxy-send-timeout": String(seconds),
    "haproxy-ingress.github.io/timeout-tunnel": `${seconds}s`,
    "projectcontour.io/websocket-routes": "/",
    "projectcontour.io/response-timeout": "infinity",
    "alb.ingress.kubernetes.io/target-type": "ip",
    "alb.ingress.kubernetes.io/healthcheck-path": gateway.options.path ?? "/socket.io/",
    "alb.ingress.kubernetes.io/success-codes": "200-499",
  };
};

/** Those that go by the Ingress; others are told on the Service. */
const byCookie = (cookie: string): Record<string, string> => ({
  "nginx.ingress.kubernetes.io/affinity": "cookie",
  "nginx.ingress.kubernetes.io/affinity-mode": "persistent",
  "nginx.ingress.kubernetes.io/session-cookie-name": cookie,
  "nginx.ingress.kubernetes.io/session-cookie-path": "/",
  "nginx.ingress.kubernetes.io/session-cookie-change-on-failure": "true",
  "haproxy-ingress.github.io/affinity": "cookie",
  "haproxy-ingress.github.io/session-cookie-name": cookie,
  "alb.ingress.kubernetes.io/target-group-attributes": `stickiness.enabled=true,stickiness.lb_cookie.duration_seconds=${HOUR}`,
});

const BY_ADDRESS: Record<string, string> = {
  "nginx.ingress.kubernetes.io/upstream-hash-by": "$binary_remote_addr",
  "haproxy.org/load-balance": "source",
  "haproxy-ingress.github.io/balance-algorithm": "source",
};

/** The annotations of the clients' Ingress, for every controller whose ways are known. */
export const ingressAnnotations = (cluster: string, gateway: Gateway): Record<string, string> => {
  const { stickiness } = gateway.expose;
  return {
    ...longConnections(gateway),
    ...(stickiness === "auto" || stickiness === "cookie" ? byCookie(`${cluster}-gateway`) : {}),
    ...(stickiness === "clientIP" ? BY_ADDRESS : {}),
  };
};
