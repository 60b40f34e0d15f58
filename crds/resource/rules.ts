import { isSocketEvent, LIFECYCLE_EVENTS, matches, RESERVED_EVENTS, SERVER_EVENTS } from "../names.ts";
import type { ClusterSpec } from "./realtime-cluster.ts";
import { DEFAULT_LIMITS, DEFAULT_SOCKET_OPTIONS, withGatewayDefaults } from "./with-defaults.ts";

/** What is wrong with a resource: the field's path (`spec.workers[0].events`) and a sentence with the way out. */
export interface Problem {
  path: string;
  message: string;
}

/**
 * A rule that a schema cannot say. `cel` is the same rule for the API server, on the object at `at` (`[]`: each item);
 * rules without one are found by `realtime validate` and by the operator, which answers with a condition.
 */
export interface Rule {
  at: string;
  message: string;
  cel?: string;
  /** Paths, below `spec`, where the rule does not hold. */
  broken(spec: ClusterSpec): string[];
}

const pools = (spec: ClusterSpec, broken: (pool: ClusterSpec["workers"][number]) => boolean, field = ""): string[] =>
  spec.workers.flatMap((pool, index) => (broken(pool) ? [`workers[${index}]${field}`] : []));

const bothServed = ["redis", "rabbitmq"] as const;

/** Index of the first pool of a kind (takers or copiers) that has `pattern` as well, before `index`. */
const samePattern = (spec: ClusterSpec): string[] =>
  spec.workers.flatMap((pool, index) =>
    pool.mode === "copy"
      ? []
      : pool.events.flatMap((event, place) =>
          spec.workers.slice(0, index).some((other) => other.mode !== "copy" && other.events.includes(event)) ||
          pool.events.indexOf(event) < place
            ? [`workers[${index}].events[${place}]`]
            : [],
        ),
  );

/** A field in CEL, or what holds where it is not written: without an app the default, with one nothing that could break the rule. */
const celOr = (field: string, withoutApp: number, withApp: number): string =>
  `(has(self.${field}) ? self.${field} : has(self.app) ? ${withApp} : ${withoutApp})`;

const ownNames: readonly string[] = [...RESERVED_EVENTS, ...SERVER_EVENTS];

export const RULES: readonly Rule[] = [
  {
    at: "gateway",
    message: "replicas and autoscaling exclude each other: remove one",
    cel: "!(has(self.replicas) && has(self.autoscaling))",
    broken: ({ gateway }) => (gateway.replicas !== undefined && gateway.autoscaling !== undefined ? ["gateway"] : []),
  },
  {
    at: "gateway.autoscaling",
    message: "minReplicas is larger than maxReplicas",
    cel: "self.minReplicas <= self.maxReplicas",
    broken: ({ gateway: { autoscaling } }) =>
      autoscaling !== undefined && autoscaling.minReplicas > autoscaling.maxReplicas ? ["gateway.autoscaling"] : [],
  },
  {
    at: "gateway.auth",
    message: "says nobody may connect: add jwt, anonymous or both, or remove auth to let anyone in",
    cel: "has(self.jwt) || has(self.anonymous)",
    broken: ({ gateway: { auth } }) =>
      auth !== undefined && auth.jwt === undefined && auth.anonymous === undefined ? ["gateway.auth"] : [],
  },
  {
    at: "gateway.auth.jwt",
    message: "needs one of secretRef {name, key} (HS256) and jwksUrl",
    cel: "has(self.secretRef) != has(self.jwksUrl)",
    broken: ({ gateway: { auth } }) =>
      auth?.jwt !== undefined && (auth.jwt.secretRef === undefined) === (auth.jwt.jwksUrl === undefined)
        ? ["gateway.auth.jwt"]
        : [],
  },
  {
    at: "gateway",
    message:
      "limits.payloadBytes is larger than options.maxHttpBufferSize, which closes the connection first: raise that one too",
    cel: `${celOr("limits.payloadBytes", DEFAULT_LIMITS.payloadBytes, 0)} <= ${celOr("options.maxHttpBufferSize", DEFAULT_SOCKET_OPTIONS.maxHttpBufferSize, 100_000_000)}`,
    broken: ({ gateway }) => {
      const { limits, options } = withGatewayDefaults(gateway);
      const [payload = 0, buffer = Infinity] = [limits.payloadBytes, options.maxHttpBufferSize];
      return payload > buffer ? ["gateway.limits.payloadBytes"] : [];
    },
  },
  {
    at: "gateway.expose",
    message:
      "loadBalancer, ingress and gateway are each for the type of that name: set type to LoadBalancer, Ingress or Gateway, or remove the section",
    cel: "(!has(self.loadBalancer) || self.type == 'LoadBalancer') && (!has(self.ingress) || self.type == 'Ingress') && (!has(self.gateway) || self.type == 'Gateway')",
    broken: ({ gateway: { expose } }) => {
      const sections = { loadBalancer: "LoadBalancer", ingress: "Ingress", gateway: "Gateway" } as const;
      const names = ["loadBalancer", "ingress", "gateway"] as const;
      return names
        .filter((name) => expose[name] !== undefined && expose.type !== sections[name])
        .map((name) => `gateway.expose.${name}`);
    },
  },
  {
    at: "gateway.expose",
    message:
      "a Service knows clients by their address alone: set stickiness to auto, clientIP or none, or type to Ingress or Gateway",
    cel: "self.stickiness != 'cookie' || self.type == 'Ingress' || self.type == 'Gateway'",
    broken: ({ gateway: { expose } }) =>
      expose.stickiness === "cookie" && (expose.type === "ClusterIP" || expose.type === "LoadBalancer")
        ? ["gateway.expose.stickiness"]
        : [],
  },
  {
    at: "gateway.expose",
    message: "an HTTPRoute does not know clients by their address: set stickiness to auto, cookie or none",
    cel: "self.stickiness != 'clientIP' || self.type != 'Gateway'",
    broken: ({ gateway: { expose } }) =>
      expose.stickiness === "clientIP" && expose.type === "Gateway" ? ["gateway.expose.stickiness"] : [],
  },
  {
    at: "gateway.expose",
    message: "type Gateway needs gateway: {parentRefs: [{name}]}, the Gateways that the HTTPRoute attaches to",
    cel: "self.type != 'Gateway' || (has(self.gateway) && has(self.gateway.parentRefs) && self.gateway.parentRefs.size() > 0)",
    broken: ({ gateway: { expose } }) =>
      expose.type === "Gateway" && (expose.gateway?.parentRefs ?? []).length === 0
        ? ["gateway.expose.gateway.parentRefs"]
        : [],
  },
  ...bothServed.map((server): Rule => ({
    at: `servers.${server}`,
    message: "needs one of managed and secretRef {name}",
    cel: "has(self.managed) != has(self.secretRef)",
    broken: ({ servers }) => {
      const it = servers[server];
      return it !== undefined && (it.managed === undefined) === (it.secretRef === undefined)
        ? [`servers.${server}`]
        : [];
    },
  })),
  {
    at: "",
    message: "mongo is not managed: name the Secret of a server that runs, servers: {mongo: {secretRef: {name: …}}}",
    cel: "!(self.adapter.type == 'mongo' || (has(self.store.type) && self.store.type == 'mongo')) || (has(self.servers.mongo) && has(self.servers.mongo.secretRef))",
    broken: ({ adapter, store, servers }) =>
      (adapter.type === "mongo" || store.type === "mongo") && servers.mongo?.secretRef === undefined
        ? ["servers.mongo"]
        : [],
  },
  {
    at: "workers[]",
    message: "replicas and autoscaling exclude each other: remove one",
    cel: "!(has(self.replicas) && has(self.autoscaling))",
    broken: (spec) => pools(spec, ({ replicas, autoscaling }) => replicas !== undefined && autoscaling !== undefined),
  },
  {
    at: "workers[].autoscaling",
    message: "minReplicas is larger than maxReplicas",
    cel: "self.minReplicas <= self.maxReplicas",
    broken: (spec) =>
      pools(
        spec,
        ({ autoscaling }) => autoscaling !== undefined && autoscaling.minReplicas > autoscaling.maxReplicas,
        ".autoscaling",
      ),
  },
  {
    at: "workers[].retry",
    message: "backoffSeconds is larger than maxBackoffSeconds",
    cel: "self.backoffSeconds <= self.maxBackoffSeconds",
    broken: (spec) => pools(spec, ({ retry }) => retry.backoffSeconds > retry.maxBackoffSeconds, ".retry"),
  },
  {
    at: "workers[]",
    message: "orderBy orders jobs; mode request answers each at once: set mode to job or orderBy to none",
    cel: "self.mode != 'request' || self.orderBy == 'none'",
    broken: (spec) => pools(spec, ({ mode, orderBy }) => mode === "request" && orderBy !== "none", ".orderBy"),
  },
  {
    at: "workers[]",
    message: `names an event that the gateway keeps for itself (${ownNames.slice(0, 3).join(", ")}, …): choose another name`,
    broken: (spec) =>
      spec.workers.flatMap(({ events }, index) =>
        events.flatMap((event, place) =>
          (ownNames.some((name) => matches(event, name)) && event !== "*") || isSocketEvent(event)
            ? [`workers[${index}].events[${place}]`]
            : [],
        ),
      ),
  },
  {
    at: "workers[]",
    message: `begins with $, and the only such events are ${LIFECYCLE_EVENTS.join(", ")}`,
    broken: (spec) =>
      spec.workers.flatMap(({ events }, index) =>
        events.flatMap((event, place) =>
          event.startsWith("$") && !LIFECYCLE_EVENTS.some((name) => matches(event, name))
            ? [`workers[${index}].events[${place}]`]
            : [],
        ),
      ),
  },
  {
    at: "workers",
    message: "this pattern is another pool's (or this one's) already: only pools with mode copy may share events",
    broken: samePattern,
  },
  {
    at: "workers",
    message: "two pools have this name",
    broken: (spec) =>
      spec.workers.flatMap(({ name }, index) =>
        spec.workers.slice(0, index).some((other) => other.name === name) ? [`workers[${index}].name`] : [],
      ),
  },
];

/** Where the rules are broken, all of them at once. */
export const brokenRules = (spec: ClusterSpec): Problem[] =>
  RULES.flatMap(({ message, broken }) => broken(spec).map((path) => ({ path: `spec.${path}`, message })));
