import { z } from "zod";

const container = z.looseObject({
  name: z.string(),
  ports: z.array(z.looseObject({ hostPort: z.number().optional() })).default([]),
  resources: z.looseObject({ requests: z.record(z.string(), z.string()).optional() }).prefault({}),
  volumeMounts: z.array(z.looseObject({ subPath: z.string().optional() })).default([]),
  securityContext: z
    .looseObject({
      privileged: z.boolean().default(false),
      allowPrivilegeEscalation: z.boolean().default(true),
      readOnlyRootFilesystem: z.boolean().default(false),
      runAsNonRoot: z.boolean().optional(),
      runAsUser: z.number().optional(),
      procMount: z.string().default("Default"),
      capabilities: z
        .looseObject({ add: z.array(z.string()).default([]), drop: z.array(z.string()).default([]) })
        .prefault({}),
    })
    .prefault({}),
});

const pod = z.looseObject({
  automountServiceAccountToken: z.boolean().default(true),
  serviceAccountName: z.string().default("default"),
  hostNetwork: z.boolean().default(false),
  hostPID: z.boolean().default(false),
  hostIPC: z.boolean().default(false),
  securityContext: z
    .looseObject({
      runAsNonRoot: z.boolean().default(false),
      runAsUser: z.number().default(0),
      seccompProfile: z.looseObject({ type: z.string() }).prefault({ type: "Unconfined" }),
      sysctls: z.array(z.unknown()).default([]),
    })
    .prefault({}),
  initContainers: z.array(container).default([]),
  containers: z.array(container),
  volumes: z.array(z.looseObject({ name: z.string() })).default([]),
});

/** What Pod Security's `restricted` lets a volume be (kubernetes.io/docs/concepts/security/pod-security-standards). */
const VOLUMES = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

/** What of a pod's spec the standard `restricted` forbids, or our own word: numeric ids, a read-only root, no token, requests, directories whole. */
export const violations = (spec: unknown): string[] => {
  const it = pod.parse(spec);
  const { securityContext: own } = it;
  const of = (name: string, found: Record<string, boolean>) =>
    Object.entries(found)
      .filter(([, isSo]) => isSo)
      .map(([what]) => `${name}: ${what}`);
  return [
    ...of("pod", {
      "host namespaces": it.hostNetwork || it.hostPID || it.hostIPC,
      "may run as root": !own.runAsNonRoot || own.runAsUser === 0,
      "seccomp off": own.seccompProfile.type !== "RuntimeDefault",
      sysctls: own.sysctls.length > 0,
      token: it.automountServiceAccountToken,
      "default account": it.serviceAccountName === "default",
    }),
    ...it.volumes.flatMap(({ name, ...source }) =>
      of(`volume ${name}`, { "of a forbidden kind": !Object.keys(source).every((kind) => VOLUMES.has(kind)) }),
    ),
    ...[...it.initContainers, ...it.containers].flatMap(({ name, ports, resources, volumeMounts, securityContext }) =>
      of(name, {
        privileged: securityContext.privileged,
        "may gain privileges": securityContext.allowPrivilegeEscalation,
        "writable root": !securityContext.readOnlyRootFilesystem,
        "root by itself": securityContext.runAsNonRoot === false || securityContext.runAsUser === 0,
        "proc unmasked": securityContext.procMount !== "Default",
        capabilities:
          !securityContext.capabilities.drop.includes("ALL") ||
          securityContext.capabilities.add.some((added) => added !== "NET_BIND_SERVICE"),
        "host ports": ports.some(({ hostPort = 0 }) => hostPort > 0),
        "no requests": resources.requests?.["cpu"] === undefined || resources.requests["memory"] === undefined,
        "a mount that is never refreshed": volumeMounts.some(({ subPath }) => subPath !== undefined),
      }),
    ),
  ];
};
