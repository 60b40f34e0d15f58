import { z } from "zod";
import { patterns, podFields, quantity, secretKeyRef, secretRef } from "./common.ts";

export const jwtAuth = z.strictObject({
  secretRef: secretKeyRef.optional().describe("HS256: the key of a Secret that holds the shared secret."),
  jwksUrl: z.url().max(2048).optional().describe("RS256, ES256 or EdDSA: where the issuer publishes its keys."),
  issuer: z.string().max(512).optional().describe("`iss` that a token must have. Absent: any."),
  audience: z.string().max(512).optional().describe("`aud` that a token must have. Absent: any."),
});

export const anonymousAuth = z.strictObject({
  channels: z
    .strictObject({
      read: patterns.default([]).describe("Channels to subscribe to, as patterns."),
      write: patterns.default([]).describe("Channels to publish to, as patterns."),
      join: z.array(z.string().max(200)).max(64).default([]).describe("Channels that are joined at connect."),
    })
    .prefault({})
    .describe("What they may do with channels."),
  events: patterns.default([]).describe("Events that they may send, as patterns."),
});

export const auth = z.strictObject({
  jwt: jwtAuth.optional().describe("Tokens that are accepted; the user is `sub`, its claims are what he may do."),
  anonymous: anonymousAuth.optional().describe("What users without a token may do. Absent: a token is needed."),
});
export type Auth = z.infer<typeof auth>;

/** socket.io's own names and defaults (https://socket.io/docs/v4/server-options/); the defaults are in `withGatewayDefaults`. */
export const socketOptions = z.strictObject({
  pingInterval: z.number().int().min(100).max(600_000).exactOptional().describe("Between two heartbeats, ms."),
  pingTimeout: z.number().int().min(100).max(600_000).exactOptional().describe("For the answer to a heartbeat, ms."),
  connectTimeout: z.number().int().min(100).max(600_000).exactOptional().describe("For joining a namespace, ms."),
  maxHttpBufferSize: z
    .number()
    .int()
    .min(1000)
    .max(100_000_000)
    .exactOptional()
    .describe("The largest message, bytes; above it the connection is closed."),
  path: z.string().min(1).max(200).exactOptional().describe("Path that socket.io answers at."),
  transports: z
    .array(z.enum(["polling", "websocket"]))
    .min(1)
    .max(2)
    .exactOptional()
    .describe("Ways to connect that are allowed."),
  allowEIO3: z.boolean().exactOptional().describe("Whether clients of socket.io 2 may connect."),
});

/** Their defaults are in `withGatewayDefaults`: with an app of one's own only what is written holds. */
export const limits = z.strictObject({
  payloadBytes: z.number().int().min(1).max(100_000_000).optional().describe("One event's payload as JSON, bytes."),
  eventsPerSecond: z.number().min(1).max(100_000).optional().describe("Per connection, with a burst of as many again."),
  connectionsPerUser: z.number().int().min(1).max(100_000).optional().describe("Of one user at the same time."),
  roomsPerConnection: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe("Channels that one connection may be in."),
});

const RANGE = "an address or a range of addresses such as 10.0.0.0/8";
const addressOrRange = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

const annotations = z.record(z.string(), z.string().max(8192));
const hostname = z
  .string()
  .min(1)
  .max(253)
  .regex(/^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "a host name such as chat.example.com or *.example.com");

export const expose = z.strictObject({
  type: z
    .enum(["ClusterIP", "LoadBalancer", "Ingress", "Gateway"])
    .default("ClusterIP")
    .describe(
      "ClusterIP: inside the cluster alone; LoadBalancer: the Service gets an address of its own; Ingress; Gateway: an HTTPRoute of the Gateway API.",
    ),
  stickiness: z
    .enum(["auto", "cookie", "clientIP", "none"])
    .default("auto")
    .describe(
      "How a client's requests find the same gateway again: what reaches another one is passed on, which costs a hop. auto: by address at a Service, by cookie at an Ingress, and at a Gateway where it is served.",
    ),
  annotations: annotations
    .optional()
    .describe(
      "Of the object that lets clients in: the Service, the Ingress or the HTTPRoute. They win over generated ones.",
    ),
  serviceAnnotations: annotations
    .optional()
    .describe("Of the Service behind an Ingress or HTTPRoute, such as cloud.google.com/backend-config."),
  loadBalancer: z
    .strictObject({
      className: z
        .string()
        .min(1)
        .max(253)
        .optional()
        .describe("`loadBalancerClass` of the Service; cannot change while it is a load balancer."),
      sourceRanges: z
        .array(
          z
            .string()
            .max(64)
            .regex(/^[0-9a-fA-F:.]+\/[0-9]{1,3}$/, "a range of addresses such as 10.0.0.0/8"),
        )
        .max(64)
        .optional()
        .describe("Addresses that may connect, as CIDRs. Absent: all."),
      port: z.number().int().min(1).max(65_535).default(80).describe("The port that clients connect to."),
      externalTrafficPolicy: z
        .enum(["Cluster", "Local"])
        .default("Cluster")
        .describe(
          "Local: only nodes with a gateway take connections, and gateways see the clients' addresses; while a roll moves gateways between nodes, new connections can be refused.",
        ),
    })
    .optional()
    .describe("With type LoadBalancer."),
  ingress: z
    .strictObject({
      className: z.string().min(1).max(253).optional().describe("IngressClass. Absent: the cluster's default."),
      host: hostname.optional().describe("Absent: any host."),
      tlsSecretName: z
        .string()
        .min(1)
        .max(253)
        .optional()
        .describe("Secret with the host's certificate. Absent: no TLS."),
    })
    .optional()
    .describe("With type Ingress."),
  gateway: z
    .strictObject({
      parentRefs: z
        .array(
          z.strictObject({
            name: z.string().min(1).max(253).describe("Name of the Gateway."),
            namespace: z.string().min(1).max(63).optional().describe("Absent: the resource's own."),
            sectionName: z
              .string()
              .min(1)
              .max(253)
              .optional()
              .describe("One listener of the Gateway. Absent: all that fit."),
            port: z.number().int().min(1).max(65_535).optional().describe("One port of the Gateway."),
            group: z.string().max(253).optional().describe("Absent: gateway.networking.k8s.io."),
            kind: z.string().min(1).max(63).optional().describe("Absent: Gateway."),
          }),
        )
        .max(16)
        .optional()
        .describe("Gateways that the HTTPRoute attaches to; at least one."),
      hostnames: z.array(hostname).max(16).optional().describe("Absent: those of the Gateway's listeners."),
    })
    .optional()
    .describe("With type Gateway."),
});

export const gateway = z.strictObject({
  replicas: z.number().int().min(0).max(1000).optional().describe("Number of gateways, instead of `autoscaling`."),
  autoscaling: z
    .strictObject({
      minReplicas: z.number().int().min(1).max(1000).default(2).describe("Fewest gateways."),
      maxReplicas: z.number().int().min(1).max(1000).default(10).describe("Most gateways."),
      connectionsPerReplica: z
        .number()
        .int()
        .min(1)
        .max(1_000_000)
        .default(5000)
        .describe("Connections that one gateway is to hold."),
    })
    .optional()
    .describe("Absent: the count stays as it is written."),
  public: z
    .string()
    .max(512)
    .optional()
    .describe("Directory of files that are served to browsers on the clients' port."),
  app: z
    .string()
    .max(512)
    .optional()
    .describe("Module of an existing socket.io app: `export default (io: Server) => {…}`, `export const options`."),
  reservedEvents: z
    .boolean()
    .optional()
    .describe(
      "Whether the gateway answers subscribe, publish and the rest. Default: true without `app`, false with it.",
    ),
  options: socketOptions
    .prefault({})
    .describe("socket.io's options by its own names (socket.io/docs/v4/server-options)."),
  auth: auth.optional().describe("Absent: anyone may connect and do everything, and a condition warns."),
  origins: z.array(z.string().min(1).max(512)).max(64).optional().describe("Absent: any origin."),
  trustedProxies: z
    .array(
      z
        .string()
        .max(64)
        .regex(/^[0-9a-fA-F:.]+(\/[0-9]{1,3})?$/, { message: RANGE, abort: true })
        .refine((text) => addressOrRange.safeParse(text).success, RANGE),
    )
    .max(64)
    .default([])
    .describe(
      "Proxies whose X-Forwarded-For is believed, as addresses or ranges such as 10.0.0.0/8: what `handshake.address` is. Absent: the address that the connection comes from.",
    ),
  recovery: z
    .strictObject({
      windowSeconds: z.number().int().min(1).max(86_400).default(120).describe("How long a client may be away."),
      maxMessages: z
        .number()
        .int()
        .min(1)
        .max(10_000_000)
        .default(10_000)
        .describe(
          "Entries of the log of the whole cluster that are kept, by the server and in each gateway's memory: an emission is one, and so are a join, a leave, a change of presence, a client's return.",
        ),
      maxBytes: quantity.default("64Mi").describe("Bytes of them that are kept, at the server and in each gateway."),
    })
    .optional()
    .describe(
      "Clients that come back within the window are sent what they missed. Every gateway then reads all that is said to any client. Absent: off.",
    ),
  history: z
    .array(
      z.strictObject({
        channels: patterns.min(1).describe("Channels that are kept, as patterns."),
        maxMessages: z
          .number()
          .int()
          .min(1)
          .max(10_000)
          .default(100)
          .describe("Latest messages that are kept of a channel."),
        ttlSeconds: z.number().int().min(1).max(31_536_000).default(86_400).describe("How long they are kept."),
      }),
    )
    .max(32)
    .default([])
    .describe("Channels whose messages can be read later; the first entry that matches holds."),
  drain: z
    .strictObject({
      graceSeconds: z
        .number()
        .int()
        .min(1)
        .max(86_400)
        .default(60)
        .describe(
          "How long a gateway takes at most to send its clients away before it ends; it wins over `reconnectsPerSecond`.",
        ),
      reconnectsPerSecond: z
        .number()
        .int()
        .min(1)
        .max(100_000)
        .default(200)
        .describe(
          "How many clients come back in a second at most, over the whole cluster: those of gateways that go, however many, and of gateways that have more than their share.",
        ),
    })
    .prefault({})
    .describe("How gateways that stop send their clients to the others."),
  limits: limits.prefault({}).describe("What one connection or user may do."),
  api: z
    .strictObject({
      keysSecretRef: secretRef
        .optional()
        .describe(
          "Each key of the Secret is a name, its value the API key; `workers` and `worker.<pool>` are those of workers that are socket.io clients. Absent: `default` and `workers` are made, on Kubernetes in the Secret <cluster>-api.",
        ),
      port: z
        .number()
        .int()
        .min(1)
        .max(65_535)
        .default(3001)
        .describe("Port of the API and of its Service <cluster>-api."),
    })
    .optional()
    .describe("The HTTP API, inside the cluster alone. Absent: none."),
  expose: expose.prefault({}).describe("How clients reach the gateways on Kubernetes; no effect on a laptop."),
  ...podFields,
});
export type Gateway = z.infer<typeof gateway>;
