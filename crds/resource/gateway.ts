import { z } from "zod";
import { patterns, podFields, quantity, secretKeyRef, secretRef } from "./common.ts";

export const jwtAuth = z.strictObject({
  secretRef: secretKeyRef.optional().describe("HS256: the key of a Secret that holds the shared secret."),
  jwksUrl: z.url().max(2048).optional().describe("RS256, ES256 or EdDSA: where the issuer publishes its keys."),
  issuer: z.string().max(512).optional(),
  audience: z.string().max(512).optional(),
});

export const anonymousAuth = z.strictObject({
  channels: z
    .strictObject({
      read: patterns.default([]),
      write: patterns.default([]),
      join: z.array(z.string().max(200)).max(64).default([]),
    })
    .prefault({}),
  events: patterns.default([]),
});

export const auth = z.strictObject({ jwt: jwtAuth.optional(), anonymous: anonymousAuth.optional() });
export type Auth = z.infer<typeof auth>;

/** socket.io's own names and defaults (https://socket.io/docs/v4/server-options/); the defaults are in `withGatewayDefaults`. */
export const socketOptions = z.strictObject({
  pingInterval: z.number().int().min(100).max(600_000).exactOptional().describe("ms"),
  pingTimeout: z.number().int().min(100).max(600_000).exactOptional().describe("ms"),
  connectTimeout: z.number().int().min(100).max(600_000).exactOptional().describe("ms"),
  maxHttpBufferSize: z.number().int().min(1000).max(100_000_000).exactOptional().describe("bytes"),
  path: z.string().min(1).max(200).exactOptional(),
  transports: z
    .array(z.enum(["polling", "websocket"]))
    .min(1)
    .max(2)
    .exactOptional(),
  allowEIO3: z.boolean().exactOptional(),
});

/** Their defaults are in `withGatewayDefaults`: with an app of one's own only what is written holds. */
export const limits = z.strictObject({
  payloadBytes: z.number().int().min(1).max(100_000_000).optional().describe("One event's payload as JSON, bytes."),
  eventsPerSecond: z.number().min(1).max(100_000).optional().describe("Per connection, with a burst of as many again."),
  connectionsPerUser: z.number().int().min(1).max(100_000).optional(),
  roomsPerConnection: z.number().int().min(1).max(100_000).optional(),
});

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
      "How a client's requests find the same gateway again; without, polling is forwarded between gateways. auto: by address at a Service, by cookie at an Ingress, and at a Gateway where it is served.",
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
  replicas: z.number().int().min(0).max(1000).optional(),
  autoscaling: z
    .strictObject({
      minReplicas: z.number().int().min(1).max(1000).default(2),
      maxReplicas: z.number().int().min(1).max(1000).default(10),
      connectionsPerReplica: z.number().int().min(1).max(1_000_000).default(5000),
    })
    .optional(),
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
  options: socketOptions.prefault({}),
  auth: auth.optional().describe("Absent: anyone may connect and do everything, and a condition warns."),
  origins: z.array(z.string().min(1).max(512)).max(64).optional().describe("Absent: any origin."),
  trustedProxies: z.array(z.string().min(1).max(64)).max(64).default([]),
  recovery: z
    .strictObject({
      windowSeconds: z.number().int().min(1).max(86_400).default(120),
      maxMessages: z.number().int().min(1).max(10_000_000).default(10_000),
      maxBytes: quantity.default("64Mi"),
    })
    .optional()
    .describe("Absent: off."),
  history: z
    .array(
      z.strictObject({
        channels: patterns.min(1),
        maxMessages: z.number().int().min(1).max(10_000).default(100),
        ttlSeconds: z.number().int().min(1).max(31_536_000).default(86_400),
      }),
    )
    .max(32)
    .default([]),
  drain: z
    .strictObject({
      graceSeconds: z.number().int().min(1).max(86_400).default(60),
      reconnectsPerSecond: z.number().int().min(1).max(100_000).default(200),
    })
    .prefault({}),
  limits: limits.prefault({}),
  api: z
    .strictObject({
      keysSecretRef: secretRef
        .optional()
        .describe(
          "Each key of the Secret is a name, its value the API key. Absent: on a laptop one key is made; on Kubernetes one is made in the Secret <cluster>-api.",
        ),
      port: z.number().int().min(1).max(65_535).default(3001),
    })
    .optional(),
  expose: expose.prefault({}),
  ...podFields,
});
export type Gateway = z.infer<typeof gateway>;
