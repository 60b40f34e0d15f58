import { KubeConfig } from "@kubernetes/client-node";
import { runProcess, serveProbes } from "#process";
import { NAME } from "./act.ts";
import { BUILD_VERSION } from "./build-version.ts";
import { startControlPlane } from "./control-plane.ts";
import { operatorEnvironment } from "./environment.ts";
import {
  fenced,
  fencedConfig,
  notStuck,
  openClient,
  runLeaderElected,
  standsForLeader,
  startsInTime,
  type Term,
} from "./runtime/index.ts";

/** 50 requests per second together. */
const READS = { requestsPerSecond: 20, burst: 50 };
const WRITES = { requestsPerSecond: 30, burst: 50 };

await runProcess("operator", operatorEnvironment, async (context) => {
  const { env, log, registry, node, stack, hurry, liveness, readiness } = context;
  const userAgent = `${NAME}/${BUILD_VERSION}`;
  const metrics = stack.use(
    await serveProbes({ host: env.PROBE_HOST, port: env.METRICS_PORT }, { registry, notReady: () => [] }),
  );

  const lead = async ({ isLeader, signal }: Term) => {
    await using term = new AsyncDisposableStack();
    const config = new KubeConfig();
    config.loadFromDefault();
    const common = { log, registry, userAgent };
    const reader = term.use(openClient({ ...common, ...READS }));
    const writer = term.use(openClient({ ...common, ...WRITES, config: fencedConfig(config, isLeader) }));
    const plane = term.use(
      await startControlPlane({
        reader,
        client: fenced(writer, isLeader),
        instance: env.POD_NAME,
        namespaces: env.WATCH_NAMESPACES,
        release: {
          own: BUILD_VERSION,
          forNew: env.DATA_PLANE_VERSION ?? BUILD_VERSION,
          repository: env.DATA_PLANE_IMAGE,
        },
        settings: {
          imagePullPolicy: env.IMAGE_PULL_POLICY,
          networkPolicies: env.NETWORK_POLICIES,
          securityContext: env.SECURITY_CONTEXT,
          images: { rabbitmq: env.RABBITMQ_IMAGE, redis: env.REDIS_IMAGE },
          clusterDomain: env.CLUSTER_DOMAIN,
          operatorNamespace: env.POD_NAMESPACE,
        },
        isLeader,
        signal,
        log,
        registry,
      }),
    );
    liveness(notStuck(plane));
    return term.move();
  };

  if (!env.LEADER_ELECTION) {
    stack.use(await lead({ isLeader: () => true, signal: hurry }));
    return { metrics: metrics.port };
  }
  // A client of its own: renewals do not queue behind the work.
  const client = stack.use(openClient({ log, registry, userAgent }));
  const candidate = stack.use(
    runLeaderElected({
      client,
      lease: { namespace: env.POD_NAMESPACE, name: NAME },
      identity: node,
      onLead: lead,
      log,
      registry,
    }),
  );
  liveness(standsForLeader(candidate));
  readiness(startsInTime(candidate));
  void candidate.lost.then((error) => {
    log.fatal({ err: error }, "no longer the leader: ending, so that nothing is done twice");
    process.exit(1);
  });
  return { metrics: metrics.port };
});
