import type { Gateway } from "#crds";

const HOUR = 3600;

/** How long a connection may be silent at the entry: never less than socket.io's own heartbeat. */
const silenceSeconds = ({ options: { pingInterval = 0, pingTimeout = 0 } }: Gateway): number =>
  Math.max(HOUR, Math.ceil((pingInterval + pingTimeout) / 1000));

/**
 * What controllers are told about WebSockets, by the prefix that is each one's own: nobody else reads it, and a class may have any
 * name. ingress-nginx (kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations), HAProxy Technologies'
 * (haproxytech/kubernetes-ingress, documentation/annotations.md), HAProxy Ingress (haproxy-ingress.github.io/docs/configuration/keys),
 * Contour (projectcontour.io/docs/main/config/annotations), AWS (kubernetes-sigs.github.io/aws-load-balancer-controller, guide/ingress).
 */
const longConnections = (gateway: Gateway): Record<string, string> => {
  const seconds = silenceSeconds(gateway);
  return {
    "nginx.ingress.kubernetes.io/proxy-read-timeout": String(seconds),
    "nginx.ingress.kubernetes.io/proxy-send-timeout": String(seconds),
    "haproxy.org/timeout-tunnel": `${seconds}s`,
    "haproxy-ingress.github.io/timeout-tunnel": `${seconds}s`,
    "projectcontour.io/websocket-routes": "/",
    "projectcontour.io/response-timeout": "infinity",
    "alb.ingress.kubernetes.io/target-type": "ip",
    "alb.ingress.kubernetes.io/healthcheck-path": gateway.options.path ?? "/socket.io/",
    "alb.ingress.kubernetes.io/success-codes": "200-499",
  };
};

const byCookie = (cookie: string): Record<string, string> => ({
  "nginx.ingress.kubernetes.io/affinity": "cookie",
  "nginx.ingress.kubernetes.io/affinity-mode": "persistent",
  "nginx.ingress.kubernetes.io/session-cookie-name": cookie,
  "nginx.ingress.kubernetes.io/session-cookie-path": "/",
  "nginx.ingress.kubernetes.io/session-cookie-change-on-failure": "true",
  "haproxy.org/cookie-persistence": cookie,
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
