import type { Role } from "../../topology/model.ts";
import { ANNOTATION, labelsOf, LABEL, selectorOf, TAKES_CLIENTS, type Component } from "./labels.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { podEnvironment, type Fields } from "./pod-environment.ts";
import { probes } from "./pod-probes.ts";
import { defaultResources } from "./pod-resources.ts";
import { mergePodTemplate } from "./pod-template.ts";
import { PORTS } from "./ports.ts";
import { containerSecurity, podSecurity } from "./security.ts";
import { spread } from "./spread.ts";
import { revisionOf } from "./revision.ts";
import { versionLabel } from "./version-label.ts";

/** Where the data plane lies in the image. */
const HOME = "/opt/realtime";
/** The image's own user. */
const USER = 10_001;
/** s that a gateway goes on as before once it is to end: until then balancers may still send it clients. */
const GATEWAY_LINGERS = 5;

/** A role that is a pod: all but the laptop's entry. Throws for that one. */
export const componentOf = ({ role }: Role): Exclude<Component, "redis" | "rabbitmq"> => {
  if (role === "entry") throw new Error("an entry is a laptop's");
  return role;
};

/** What tells the pods of a role from all others in the namespace; gateways by their revision too. */
export const podSelector = (cluster: string, role: Role): Record<string, string> => ({
  ...selectorOf(cluster, componentOf(role), role.pool),
  ...(role.role === "gateway" ? { [LABEL.revision]: revisionOf(role) } : {}),
});

/** The account of a role's pods; it has no token and no rights. */
export const accountOf = (cluster: string, role: Role): string => {
  const names = childNames(cluster);
  if (role.pod?.serviceAccountName !== undefined) return role.pod.serviceAccountName;
  return role.pool === undefined ? names[role.role === "hub" ? "hub" : "gateway"] : names.worker(role.pool);
};

/** The container of a role, named like it. */
const container = (role: Role, input: PlanInput): { container: Fields; volumes: Fields[] } => {
  const { settings, topology } = input;
  const { env, envFrom, volumes, mounts } = podEnvironment(role, input);
  const [program = "", ...rest] = role.command;
  return {
    volumes: [...volumes, { name: "tmp", emptyDir: { sizeLimit: "1Gi" } }],
    container: {
      name: role.role,
      image: role.pod?.image ?? topology.release?.image,
      imagePullPolicy: settings.imagePullPolicy,
      command: ["node", `${HOME}/${program}`, ...rest],
      env,
      ...(envFrom.length === 0 ? {} : { envFrom }),
      ports: Object.entries(PORTS)
        .filter(([name]) => role.ports.includes(name))
        .map(([name, containerPort]) => ({ name, containerPort, protocol: "TCP" })),
      resources: role.pod?.resources ?? defaultResources(role.role),
      ...probes,
      ...(role.role === "gateway" ? { lifecycle: { preStop: { sleep: { seconds: GATEWAY_LINGERS } } } } : {}),
      ...containerSecurity(),
      volumeMounts: [...mounts, { name: "tmp", mountPath: "/tmp" }],
      terminationMessagePolicy: "FallbackToLogsOnError",
    },
  };
};

/** The pods of a role: what is generated, and over it what the user says of them. Their labels are ours whatever he says. */
export const podTemplate = (role: Role, input: PlanInput): Fields => {
  const { topology, settings } = input;
  const { container: main, volumes } = container(role, input);
  const selector = podSelector(topology.cluster, role);
  const { imagePullSecrets = [], podTemplate: users } = role.pod ?? {};
  const generated: Fields = {
    spec: {
      serviceAccountName: accountOf(topology.cluster, role),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: role.graceSeconds + (role.role === "gateway" ? GATEWAY_LINGERS : 0),
      ...podSecurity(settings, USER),
      ...(imagePullSecrets.length === 0 ? {} : { imagePullSecrets }),
      // Each generation of pods for itself.
      ...spread(selector, ["pod-template-hash"]),
      containers: [main],
      volumes,
    },
  };
  const ours = {
    metadata: {
      labels: {
        ...labelsOf(topology.cluster, componentOf(role), role.pool),
        ...versionLabel(topology.release),
        ...(role.role === "gateway" ? TAKES_CLIENTS : {}),
        ...selector,
      },
      annotations: { [ANNOTATION.configHash]: role.configHash, [ANNOTATION.of]: role.name },
    },
  };
  return mergePodTemplate(mergePodTemplate(generated, users), ours);
};
