import { z } from "zod";

/** A job that a worker has in hand. */
export const inHand = z.object({
  id: z.string(),
  user: z.string().optional(),
  event: z.string(),
  attempt: z.number().int(),
  /** ms since the epoch */
  since: z.number(),
  progress: z.unknown().optional(),
});

export const workerReport = z.object({
  node: z.string(),
  pool: z.string(),
  inHand: z.array(inHand),
  /** Jobs that it has taken from the broker and not begun: they wait for a hand, behind one of their key, or for a retry. Absent: none. */
  waiting: z.number().int().optional(),
  /** Of these, those that would wait beside a free hand, too. Absent: none. */
  blocked: z.number().int().optional(),
  /** It was asked to go: it takes no more, and ends what it has in hand. */
  stopping: z.literal(true).optional(),
  /** A socket.io client of the gateway that reports it. */
  remote: z.literal(true).optional(),
  /** Since the process started. */
  done: z.number(),
  failed: z.number(),
});
export type WorkerReport = z.infer<typeof workerReport>;

export const gatewayReport = z.object({
  node: z.string(),
  connections: z.number(),
  carried: z.number(),
  /** Of both, how many would recover what they miss while they go to another gateway. Absent: none. */
  recoverable: z.number().optional(),
  /** Since the process started, how many it has closed so that their clients go to gateways that have fewer. */
  shed: z.number().optional(),
  draining: z.boolean(),
  /** How late its event loop is, ms. Absent: not known. */
  lagMs: z.number().optional(),
});
export type GatewayReport = z.infer<typeof gatewayReport>;

export const poolReport = z.object({
  pool: z.string(),
  /** Waiting, in hand, dead. Absent: unknown, and the count is held. */
  ready: z.number().optional(),
  /** Of those waiting, as far as is known, for a retry or behind one of their key: no hand takes them. Absent: none. */
  blocked: z.number().optional(),
  unacked: z.number().optional(),
  dead: z.number().optional(),
  /** Of those in hand, in the hands of workers that were asked to go: no new worker is needed for them. Absent: none. */
  leaving: z.number().optional(),
  /** Jobs per second taken and finished since the last snapshot. */
  inRate: z.number().optional(),
  outRate: z.number().optional(),
  /** Of the latter, those that failed for good. */
  failedRate: z.number().optional(),
});
export type PoolReport = z.infer<typeof poolReport>;

/** One line of `GET /signals` on a gateway's control port (NDJSON). */
export const snapshot = z.object({
  at: z.number(),
  gateways: z.array(gatewayReport),
  workers: z.array(workerReport),
  pools: z.array(poolReport),
  /** Whether broker, adapter and store answer the gateway that made this. */
  servers: z.object({ broker: z.boolean(), adapter: z.boolean(), store: z.boolean() }),
});
export type Snapshot = z.infer<typeof snapshot>;

/** What happened to a process: said on the channel `cluster`, and posted by the operator to `POST /cluster-events` of a control port. */
export const clusterEvent = z.object({
  at: z.number(),
  role: z.enum(["gateway", "worker", "hub", "entry"]),
  instance: z.string(),
  pool: z.string().optional(),
  what: z.enum(["starting", "ready", "exited", "restarting", "stopping", "stopped", "failing", "scaled"]),
  message: z.string().max(512).optional(),
});
export type ClusterEvent = z.infer<typeof clusterEvent>;

/** `POST /shed` on a gateway's control port: each gateway takes what is said to its node. */
export const shedOrders = z
  .array(
    z.object({ node: z.string(), sessions: z.number().int().min(1).max(1_000_000), perSecond: z.number().positive() }),
  )
  .max(10_000);
export type ShedOrder = z.infer<typeof shedOrders>[number];

/** ms within which a gateway sheds, or stops: a fifth and 2 s beyond the time at its pace, since others close too or acks are owed. */
export const shedMs = ({ sessions, perSecond }: Pick<ShedOrder, "sessions" | "perSecond">): number =>
  (sessions / perSecond) * 1200 + 2000;
/** ms until a client that was shed has come back elsewhere: socket.io's first two attempts. */
export const SHED_RETURN_MS = 5000;

/** Bus topics of the control plane inside the cluster. */
export const MEMBERS_TOPIC = "members";
export const REPORT_REQUEST_TOPIC = "report";
export const reportTopic = (node: string): string => `report:${node}`;
/** Told to workers when a job is to be cancelled, so that a running attempt aborts: the message is the job's `jobKey` as UTF-8 text. */
export const CANCEL_TOPIC = "cancel";

/** Where gateways tell each other what they still have to close, so that together they keep the cluster's pace. */
export const DRAIN_TOPIC = "drain";

/** The body of `POST /drain` on a control port, which may be absent. */
export const drainRequest = z.object({
  /** The whole cluster goes: there is nowhere to come back to, and no reason to take time. */
  hurry: z.boolean().default(false),
});

/** On DRAIN_TOPIC. */
export const drainClaim = z.object({
  v: z.literal(1),
  node: z.string(),
  /** Connections that it still has to close. */
  left: z.number().int().min(0),
  /** It takes no clients any more. */
  leaving: z.boolean(),
});

/**
 * On REPORT_REQUEST_TOPIC: report to `reportTopic(node)`. A gateway that has since taken more jobs of a pool than `room` says reports
 * once more, as `urgent`, and each time that it has taken twice as many as then.
 */
export const reportRequest = z.object({
  node: z.string(),
  /** Jobs by pool that change nothing if one gateway takes them; a pool that is missing is not watched. */
  room: z.record(z.string(), z.number()).optional(),
});

/** On `reportTopic(node)`: what a gateway or a worker says of itself; `urgent`: a snapshot is due now. */
export const report = z.union([
  z.object({ worker: workerReport }),
  z.object({ gateway: gatewayReport, urgent: z.literal(true).optional() }),
]);
export type Report = z.infer<typeof report>;
