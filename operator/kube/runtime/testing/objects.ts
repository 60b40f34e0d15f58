import type { KubeObject } from "../object.ts";

const labels = { app: "web" };
const meta = (namespace: string, name = "web") => ({ name, namespace, labels });

const podSpec = {
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
  terminationGracePeriodSeconds: 60,
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: labels },
    },
  ],
  containers: [
    {
      name: "web",
      image: "registry.invalid/web:1",
      command: ["web"],
      env: [
        { name: "EMPTY", value: "" },
        { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "CPUS", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
      ],
      ports: [{ name: "http", containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/readyz", port: "http" } },
      resources: { requests: { cpu: "0.05", memory: "64Mi" }, limits: { cpu: 1, memory: "1024Mi" } },
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        readOnlyRootFilesystem: true,
      },
      volumeMounts: [{ name: "tmp", mountPath: "/tmp", readOnly: false }],
    },
  ],
  volumes: [
    { name: "tmp", emptyDir: { sizeLimit: "1000Mi" } },
    { name: "config", configMap: { name: "config", optional: true } },
  ],
};

/** An object of each kind that an operator writes, in forms that the API server fills up or writes otherwise. */
export const objectsOf = (namespace: string): KubeObject[] => [
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(namespace),
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: { metadata: { labels, annotations: {} }, spec: podSpec },
    },
  },
  {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: meta(namespace),
    spec: {
      replicas: 0,
      serviceName: "web",
      podManagementPolicy: "Parallel",
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1024Mi" } } },
        },
      ],
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta(namespace),
    spec: {
      selector: labels,
      publishNotReadyAddresses: false,
      ports: [{ name: "http", port: 80, targetPort: "http" }],
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta(namespace, "peers"),
    spec: {
      clusterIP: "None",
      selector: labels,
      publishNotReadyAddresses: true,
      ports: [{ name: "http", port: 8080 }],
    },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: meta(namespace),
    spec: {
      podSelector: { matchLabels: labels },
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: {} }, { namespaceSelector: {} }], ports: [{ port: 8080 }, { port: "http" }] }],
    },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: meta(namespace, "closed"),
    spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [] },
  },
  {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: meta(namespace),
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow", selector: { matchLabels: labels } },
  },
  { apiVersion: "v1", kind: "ServiceAccount", metadata: meta(namespace), automountServiceAccountToken: false },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { ...meta(namespace), annotations: { "example.com/affinity": "cookie" } },
    spec: {
      rules: [
        {
          host: "web.example.com",
          http: {
            paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { name: "http" } } } }],
          },
        },
      ],
    },
  },
  { apiVersion: "v1", kind: "ConfigMap", metadata: meta(namespace), data: { "web.conf": "a: 1\n", empty: "" } },
  { apiVersion: "v1", kind: "Secret", metadata: meta(namespace), type: "Opaque", data: { key: "c2VjcmV0" } },
];
