import type { KubeObject } from "../runtime/object.ts";
import { ingressAnnotations } from "./ingress-annotations.ts";
import { labelsOf } from "./labels.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";

/** The Ingress of the clients: every path, since the app's own files are served beside socket.io's. */
export const clientsIngress = ({ cluster: { name, spec } }: PlanInput): KubeObject => {
  const { annotations, ingress: { className, host, tlsSecretName } = {} } = spec.gateway.expose;
  const service = { name: childNames(name).gateway, port: { name: "clients" } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: {
      name: childNames(name).gateway,
      labels: labelsOf(name, "gateway"),
      annotations: { ...ingressAnnotations(name, spec.gateway), ...annotations },
    },
    spec: {
      ...(className === undefined ? {} : { ingressClassName: className }),
      ...(tlsSecretName === undefined
        ? {}
        : { tls: [{ secretName: tlsSecretName, ...(host === undefined ? {} : { hosts: [host] }) }] }),
      rules: [
        {
          ...(host === undefined ? {} : { host }),
          http: { paths: [{ path: "/", pathType: "Prefix", backend: { service } }] },
        },
      ],
    },
  };
};
