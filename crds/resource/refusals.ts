/** A spec that breaks one rule, by the rule's place and message: what the page of refusals shows, and what tests try at an API server. */
export const REFUSED: readonly { title: string; spec: object; path: string; message: string }[] = [
  {
    title: "Gateways counted twice",
    spec: { gateway: { replicas: 2, autoscaling: {} } },
    path: "spec.gateway",
    message: "replicas and autoscaling exclude each other: remove one",
  },
  {
    title: "Fewest gateways above most",
    spec: { gateway: { autoscaling: { minReplicas: 9, maxReplicas: 2 } } },
    path: "spec.gateway.autoscaling",
    message: "minReplicas is larger than maxReplicas",
  },
  {
    title: "Authentication that lets nobody in",
    spec: { gateway: { auth: {} } },
    path: "spec.gateway.auth",
    message: "says nobody may connect: add jwt, anonymous or both, or remove auth to let anyone in",
  },
  {
    title: "A token of no kind",
    spec: { gateway: { auth: { jwt: {} } } },
    path: "spec.gateway.auth.jwt",
    message: "needs one of secretRef {name, key} (HS256) and jwksUrl",
  },
  {
    title: "Payloads that the buffer does not hold",
    spec: { gateway: { limits: { payloadBytes: 2_000_000 } } },
    path: "spec.gateway",
    message:
      "limits.payloadBytes is larger than options.maxHttpBufferSize, which closes the connection first: raise that one too",
  },
  {
    title: "A section of another type of exposure",
    spec: { gateway: { expose: { ingress: { host: "chat.example.com" } } } },
    path: "spec.gateway.expose",
    message:
      "loadBalancer, ingress and gateway are each for the type of that name: set type to LoadBalancer, Ingress or Gateway, or remove the section",
  },
  {
    title: "A cookie at a Service",
    spec: { gateway: { expose: { stickiness: "cookie" } } },
    path: "spec.gateway.expose",
    message:
      "a Service knows clients by their address alone: set stickiness to auto, clientIP or none, or type to Ingress or Gateway",
  },
  {
    title: "An address at an HTTPRoute",
    spec: {
      gateway: { expose: { type: "Gateway", stickiness: "clientIP", gateway: { parentRefs: [{ name: "web" }] } } },
    },
    path: "spec.gateway.expose",
    message: "an HTTPRoute does not know clients by their address: set stickiness to auto, cookie or none",
  },
  {
    title: "An HTTPRoute of no Gateway",
    spec: { gateway: { expose: { type: "Gateway" } } },
    path: "spec.gateway.expose",
    message: "type Gateway needs gateway: {parentRefs: [{name}]}, the Gateways that the HTTPRoute attaches to",
  },
  {
    title: "A Redis of no kind",
    spec: { servers: { redis: {} } },
    path: "spec.servers.redis",
    message: "needs one of managed and secretRef {name}",
  },
  {
    title: "A RabbitMQ of both kinds",
    spec: { servers: { rabbitmq: { managed: {}, secretRef: { name: "mine" } } } },
    path: "spec.servers.rabbitmq",
    message: "needs one of managed and secretRef {name}",
  },
  {
    title: "A MongoDB to be run",
    spec: { adapter: { type: "mongo" } },
    path: "spec",
    message: "mongo is not managed: name the Secret of a server that runs, servers: {mongo: {secretRef: {name: …}}}",
  },
  {
    title: "Workers counted twice",
    spec: { workers: [{ name: "chat", events: ["chat:*"], replicas: 1, autoscaling: {} }] },
    path: "spec.workers[0]",
    message: "replicas and autoscaling exclude each other: remove one",
  },
  {
    title: "Fewest workers above most",
    spec: { workers: [{ name: "chat", events: ["chat:*"], autoscaling: { minReplicas: 9, maxReplicas: 2 } }] },
    path: "spec.workers[0].autoscaling",
    message: "minReplicas is larger than maxReplicas",
  },
  {
    title: "A backoff above its own bound",
    spec: { workers: [{ name: "chat", events: ["chat:*"], retry: { backoffSeconds: 90 } }] },
    path: "spec.workers[0].retry",
    message: "backoffSeconds is larger than maxBackoffSeconds",
  },
  {
    title: "Requests in an order",
    spec: { workers: [{ name: "chat", events: ["chat:*"], mode: "request", orderBy: "user" }] },
    path: "spec.workers[0]",
    message: "orderBy orders jobs; mode request answers each at once: set mode to job or orderBy to none",
  },
];

/** The same for rules that only the operator and the command line can see: the API server takes the resource, and a condition says it. */
export const REFUSED_LATER: readonly { title: string; spec: object; path: string; message: string }[] = [
  {
    title: "An event that the gateway keeps",
    spec: { workers: [{ name: "chat", events: ["subscribe"] }] },
    path: "spec.workers[0].events[0]",
    message:
      "names an event that the gateway keeps for itself (subscribe, unsubscribe, publish, …): choose another name",
  },
  {
    title: "A lifecycle event that there is not",
    spec: { workers: [{ name: "chat", events: ["$started"] }] },
    path: "spec.workers[0].events[0]",
    message: "begins with $, and the only such events are $connected, $disconnected, $occupied, $vacated",
  },
  {
    title: "One event for two pools",
    spec: {
      workers: [
        { name: "chat", events: ["chat:*"] },
        { name: "other", events: ["chat:*"] },
      ],
    },
    path: "spec.workers[1].events[0]",
    message: "this pattern is another pool's (or this one's) already: only pools with mode copy may share events",
  },
];
