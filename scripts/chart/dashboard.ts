type Unit = "short" | "s" | "bytes" | "ops" | "percentunit";

interface Panel {
  title: string;
  /** What the reader learns from it. */
  description: string;
  unit: Unit;
  /** PromQL, and the legend of its series. */
  queries: readonly (readonly [expr: string, legend: string])[];
  type?: "timeseries" | "stat";
}

const OPERATOR = 'job=~"$job"';
const CLUSTER = 'namespace=~"$namespace", realtime_cluster=~"$cluster"';
/** The operator tells of clusters, under names of its own. */
const FOLLOWED = `${OPERATOR}, cluster_namespace=~"$namespace", realtime_cluster=~"$cluster"`;
const WHOSE = "cluster_namespace, realtime_cluster, of";
const WHOM = "{{cluster_namespace}}/{{realtime_cluster}} {{of}}";
const quantile = (q: number, metric: string, by: string, where: string): string =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${metric}_bucket{${where}}[$__rate_interval])))`;
const rate = (metric: string, by: string, where: string): string =>
  `sum by (${by}) (rate(${metric}{${where}}[$__rate_interval]))`;
const total = (metric: string, by: string, where: string): string => `sum by (${by}) (${metric}{${where}})`;

const ROWS: readonly (readonly [title: string, panels: readonly Panel[]])[] = [
  [
    "Clusters",
    [
      {
        title: "Connections",
        description: "Clients that are connected now.",
        unit: "short",
        queries: [[total("realtime_connections", "pod", CLUSTER), "{{pod}}"]],
      },
      {
        title: "Events taken",
        description: "What clients send and a pool takes.",
        unit: "ops",
        queries: [[rate("realtime_events_total", "pool, mode", CLUSTER), "{{pool}} {{mode}}"]],
      },
      {
        title: "Refused",
        description: "What clients were refused, by code.",
        unit: "ops",
        queries: [
          [rate("realtime_refusals_total", "code", CLUSTER), "{{code}}"],
          [rate("realtime_handshakes_refused_total", "message", CLUSTER), "handshake: {{message}}"],
        ],
      },
      {
        title: "Disconnects",
        description: "Connections that ended, by reason.",
        unit: "ops",
        queries: [[rate("realtime_disconnects_total", "reason", CLUSTER), "{{reason}}"]],
      },
      {
        title: "Runs of jobs",
        description: "failed and rejected are for good: dead letters in mode job.",
        unit: "ops",
        queries: [[rate("realtime_worker_jobs_total", "pool, outcome", CLUSTER), "{{pool}} {{outcome}}"]],
      },
      {
        title: "How long a run takes",
        description: "Half of all runs, and all but one in a hundred.",
        unit: "s",
        queries: [
          [quantile(0.5, "realtime_worker_job_seconds", "pool", CLUSTER), "{{pool}} p50"],
          [quantile(0.99, "realtime_worker_job_seconds", "pool", CLUSTER), "{{pool}} p99"],
        ],
      },
      {
        title: "Jobs in hand",
        description: "What workers run now, and whose senders wait for an ack.",
        unit: "short",
        queries: [
          [total("realtime_worker_in_hand", "pool", CLUSTER), "{{pool}}"],
          [total("realtime_acks_owed", "realtime_cluster", CLUSTER), "acks owed, {{realtime_cluster}}"],
          [total("realtime_requests_waiting", "realtime_cluster", CLUSTER), "requests waiting, {{realtime_cluster}}"],
        ],
      },
      {
        title: "Dropped",
        description: "Whatever could not be handed over. Nothing is lost without being counted here.",
        unit: "ops",
        queries: [
          [rate("realtime_bus_dropped_total", "reason", CLUSTER), "deliveries: {{reason}}"],
          [rate("realtime_copies_dropped_total", "pool", CLUSTER), "copies for {{pool}}"],
          [rate("realtime_lifecycle_dropped_total", "realtime_cluster", CLUSTER), "lifecycle, {{realtime_cluster}}"],
          [rate("realtime_ledger_dropped_total", "realtime_cluster", CLUSTER), "ledger, {{realtime_cluster}}"],
          [rate("realtime_hub_dropped_total", "reason", CLUSTER), "hub: {{reason}}"],
        ],
      },
      {
        title: "RabbitMQ",
        description: "Messages that wait for its confirmation, and connections lost.",
        unit: "short",
        queries: [
          [total("realtime_rabbitmq_unconfirmed", "realtime_cluster", CLUSTER), "unconfirmed, {{realtime_cluster}}"],
          [rate("realtime_rabbitmq_connection_lost_total", "connection", CLUSTER), "lost per second, {{connection}}"],
          [rate("realtime_rabbitmq_refused_total", "reason", CLUSTER), "refused per second: {{reason}}"],
        ],
      },
      {
        title: "Hub",
        description: "Jobs that the hub holds, dead letters too, and jobs that died or were not taken.",
        unit: "short",
        queries: [
          [total("realtime_hub_broker_held_jobs", "realtime_cluster", CLUSTER), "held, {{realtime_cluster}}"],
          [rate("realtime_hub_broker_died_total", "reason", CLUSTER), "died per second: {{reason}}"],
          [rate("realtime_hub_broker_refused_total", "realtime_cluster", CLUSTER), "full, {{realtime_cluster}}"],
        ],
      },
      {
        title: "Memory",
        description: "Resident memory of each process.",
        unit: "bytes",
        queries: [[total("process_resident_memory_bytes", "pod", CLUSTER), "{{pod}}"]],
      },
      {
        title: "CPU",
        description: "Cores that each process uses, at most one and a bit.",
        unit: "short",
        queries: [[rate("process_cpu_seconds_total", "pod", CLUSTER), "{{pod}}"]],
      },
    ],
  ],
  [
    "Operator",
    [
      {
        title: "Who leads",
        description: "1 at the replica that acts.",
        unit: "short",
        queries: [[total("leader_election_master_status", "pod", OPERATOR), "{{pod}}"]],
      },
      {
        title: "Replicas of what follows its load",
        description: "How many are wanted, and how many are ready.",
        unit: "short",
        queries: [
          [total("realtime_operator_desired_replicas", WHOSE, FOLLOWED), `${WHOM} wanted`],
          [total("realtime_operator_ready_replicas", WHOSE, FOLLOWED), `${WHOM} ready`],
        ],
      },
      {
        title: "Why as many",
        description: "The reason of each count that follows its load: 1 while it holds.",
        unit: "short",
        queries: [[total("realtime_operator_scaling_reason", `${WHOSE}, reason`, FOLLOWED), `${WHOM}: {{reason}}`]],
      },
      {
        title: "Reconciles",
        description: "By result, and those that failed.",
        unit: "ops",
        queries: [
          [rate("controller_runtime_reconcile_total", "result", OPERATOR), "{{result}}"],
          [rate("controller_runtime_reconcile_errors_total", "controller", OPERATOR), "errors of {{controller}}"],
        ],
      },
      {
        title: "How long a reconcile takes",
        description: "Half of them, and all but one in a hundred.",
        unit: "s",
        queries: [
          [quantile(0.5, "controller_runtime_reconcile_time_seconds", "controller", OPERATOR), "p50"],
          [quantile(0.99, "controller_runtime_reconcile_time_seconds", "controller", OPERATOR), "p99"],
        ],
      },
      {
        title: "Queue",
        description: "Clusters that wait for their turn, and how long.",
        unit: "short",
        queries: [
          [total("workqueue_depth", "name", OPERATOR), "waiting in {{name}}"],
          [quantile(0.99, "workqueue_queue_duration_seconds", "name", OPERATOR), "seconds of waiting, p99"],
        ],
      },
      {
        title: "Requests to the API server",
        description: "None but relists when nothing changes.",
        unit: "ops",
        queries: [[rate("rest_client_requests_total", "method, code", OPERATOR), "{{method}} {{code}}"]],
      },
      {
        title: "Surprises",
        description:
          "What a healthy operator never counts for long: writes that changed nothing, watches cut, changes that they missed.",
        unit: "ops",
        queries: [
          [rate("apply_without_effect_total", "kind", OPERATOR), "writes without effect: {{kind}}"],
          [rate("informer_watch_interruptions_total", "kind", OPERATOR), "watches cut: {{kind}}"],
          [rate("informer_missed_changes_total", "kind", OPERATOR), "changes missed: {{kind}}"],
        ],
      },
      {
        title: "Memory",
        description: "Resident memory of each replica.",
        unit: "bytes",
        queries: [[total("process_resident_memory_bytes", "pod", OPERATOR), "{{pod}}"]],
      },
    ],
  ],
];

const COLUMNS = 2;
const [WIDTH, HEIGHT] = [24 / COLUMNS, 8];
const SOURCE = { type: "prometheus", uid: "${source}" };

const panelOf = (
  { title, description, unit, queries, type = "timeseries" }: Panel,
  id: number,
  y: number,
  column: number,
) => ({
  id,
  title,
  description,
  type,
  datasource: SOURCE,
  gridPos: { x: column * WIDTH, y, w: WIDTH, h: HEIGHT },
  fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 10, showPoints: "never" } }, overrides: [] },
  options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } },
  targets: queries.map(([expr, legendFormat], n) => ({
    refId: String.fromCharCode(65 + n),
    datasource: SOURCE,
    expr,
    legendFormat,
  })),
});

const panels = () => {
  let id = 0;
  let y = 0;
  return ROWS.flatMap(([title, row]) => {
    const head = { id: ++id, title, type: "row", collapsed: false, panels: [], gridPos: { x: 0, y: y++, w: 24, h: 1 } };
    const body = row.map((panel, n) => panelOf(panel, ++id, y + Math.floor(n / COLUMNS) * HEIGHT, n % COLUMNS));
    y += Math.ceil(row.length / COLUMNS) * HEIGHT;
    return [head, ...body];
  });
};

const choice = (name: string, label: string, query: string) => ({
  name,
  label,
  type: "query",
  datasource: SOURCE,
  query: { query, refId: name },
  definition: query,
  refresh: 2,
  sort: 1,
  multi: true,
  includeAll: true,
  allValue: ".*",
  current: { text: ["All"], value: ["$__all"] },
});

/** Grafana's dashboard of operator and clusters, as JSON. */
export const dashboard = (header: string): string =>
  `${JSON.stringify(
    {
      __header: header,
      uid: "realtimecluster",
      title: "Realtime clusters",
      tags: ["realtimecluster"],
      editable: true,
      schemaVersion: 39,
      version: 1,
      time: { from: "now-1h", to: "now" },
      refresh: "30s",
      graphTooltip: 1,
      templating: {
        list: [
          { name: "source", label: "Data source", type: "datasource", query: "prometheus", current: {} },
          choice("namespace", "Namespace", "label_values(realtime_connections, namespace)"),
          choice("cluster", "Cluster", 'label_values(realtime_connections{namespace=~"$namespace"}, realtime_cluster)'),
          choice("job", "Operator", "label_values(leader_election_master_status, job)"),
        ],
      },
      annotations: { list: [] },
      panels: panels(),
    },
    null,
    2,
  )}\n`;
