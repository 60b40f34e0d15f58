import { runProcess, serveProbes } from "#process";
import { startControlPlane } from "./control-plane.ts";
import { operatorEnvironment } from "./environment.ts";
import { openEventRecorder } from "./runtime/events.ts";
import { fenced } from "./runtime/fenced.ts";
import { runLeaderElected, type Candidate } from "./runtime/leader-election.ts";
import { openClient } from "./runtime/open-client.ts";

const NAME = "realtime-operator";

await runProcess("operator", operatorEnvironment, async ({ env, log, registry, node, stack }) => {
  const reader = stack.use(openClient({ log, registry, userAgent: `${NAME}/${env.OPERATOR_VERSION}` }));
  const metrics = stack.use(
    await serveProbes({ host: env.PROBE_HOST, port: env.METRICS_PORT }, { registry, notReady: () => [] }),
  );
  const lead = (isLeader: () => boolean) => {
    const client = fenced(reader, isLeader);
    return startControlPlane({
      reader,
      client,
      recorder: stack.use(openEventRecorder({ client, controller: NAME, instance: env.POD_NAME, log, registry })),
      namespaces: env.WATCH_NAMESPACES,
      release: { own: env.OPERATOR_VERSION, repository: env.DATA_PLANE_IMAGE },
      settings: {
        imagePullPolicy: env.IMAGE_PULL_POLICY,
        networkPolicies: env.NETWORK_POLICIES,
        securityContext: env.SECURITY_CONTEXT,
        images: { rabbitmq: env.RABBITMQ_IMAGE, redis: env.REDIS_IMAGE },
        clusterDomain: env.CLUSTER_DOMAIN,
        operatorNamespace: env.POD_NAMESPACE,
      },
      isLeader,
      log,
      registry,
    });
  };
  if (env.LEADER_ELECTION) {
    const candidate: Candidate = stack.use(
      runLeaderElected({
        client: reader,
        lease: { namespace: env.POD_NAMESPACE, name: NAME },
        identity: node,
        onLead: () => lead(() => candidate.isLeader()),
        log,
        registry,
      }),
    );
    void candidate.lost.then((error) => {
      log.fatal({ err: error }, "no longer the leader: ending, so that nothing is done twice");
      process.exit(1);
    });
  } else stack.use(await lead(() => true));
  return { metrics: metrics.port };
});
