import { z } from "zod";

/** A literal, or a prefix that ends in `*`. */
export const pattern = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^*]*\*?$/, "a pattern is a literal name, or a prefix that ends in *, as in chat:*")
  .describe("A literal name, or a prefix that ends in `*`.");

export const patterns = z.array(pattern).max(64);

/** DNS-1035 label, bounded so that children's names fit. */
export const dnsName = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(
      /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
      "lower-case letters, digits and '-', beginning with a letter and not ending in '-'",
    );

export const secretName = z.string().min(1).max(253);
export const secretRef = z.strictObject({
  name: secretName.describe("Name of the Secret, in the resource's namespace."),
});
const keyRef = (kind: string) =>
  z.strictObject({
    name: secretName.describe(`Name of the ${kind}, in the resource's namespace.`),
    key: z.string().min(1).max(253).describe("Its key."),
  });
export const secretKeyRef = keyRef("Secret");

const optional = z.boolean().optional().describe("True: the variable is left out where there is no such key.");

const SUFFIX: Record<string, number> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity as whole bytes, one at least. */
export const bytesOf = (written: string): number => {
  const [, digits, suffix = ""] = /^([\d.]+)(.*)$/.exec(written) ?? [];
  return Math.max(1, Math.floor(Number(digits) * (SUFFIX[suffix] ?? 1)));
};

/** A Kubernetes quantity of bytes: 64Mi, 1Gi, 500M. */
export const quantity = z
  .string()
  .max(32)
  .regex(/^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$/, "a quantity such as 64Mi or 1Gi");

/** Part of a pod that Kubernetes defines; checked by the API server, ignored on a laptop. */
export const podPart = z.record(z.string(), z.unknown());

export const envVar = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, "a name of an environment variable")
    .describe("Name of the variable; what the gateway or worker itself reads cannot be overridden."),
  value: z.string().max(32768).optional().describe("Its value."),
  valueFrom: z
    .strictObject({
      secretKeyRef: secretKeyRef.extend({ optional }).optional().describe("A key of a Secret."),
      configMapKeyRef: keyRef("ConfigMap")
        .extend({ optional })
        .optional()
        .describe("A key of a ConfigMap; Kubernetes alone."),
      fieldRef: podPart.optional().describe("A field of the pod, as in a pod; on a laptop metadata.name alone."),
      resourceFieldRef: podPart.optional().describe("A resource of the container, as in a pod; Kubernetes alone."),
    })
    .optional()
    .describe("Where the value comes from, instead of `value`."),
});

/** What a gateway and a pool take as a pod does. */
export const podFields = {
  image: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe(
      "Image of the container, for your own files in its /app. Absent: the data plane's own. No effect on a laptop.",
    ),
  env: z.array(envVar).max(100).optional().describe("Environment variables of the container."),
  envFrom: z
    .array(podPart)
    .max(20)
    .optional()
    .describe("All keys of Secrets and ConfigMaps as environment variables, as in a pod."),
  resources: podPart
    .optional()
    .describe(
      "Requests and limits of the container, as in a pod. Absent: a small request, a limit of memory, none of CPU. No effect on a laptop.",
    ),
  imagePullSecrets: z.array(secretRef).max(10).optional().describe("Secrets for pulling the image, as in a pod."),
  serviceAccountName: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe("Account of the pods. Absent: one of their own that may do nothing."),
  podTemplate: podPart.optional().describe("Merged over the pod template that is generated, last; lists by name."),
};
