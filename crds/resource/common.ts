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
export const secretRef = z.strictObject({ name: secretName });
export const secretKeyRef = z.strictObject({ name: secretName, key: z.string().min(1).max(253) });

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
    .regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, "a name of an environment variable"),
  value: z.string().max(32768).optional(),
  valueFrom: z
    .strictObject({
      secretKeyRef: secretKeyRef.extend({ optional: z.boolean().optional() }).optional(),
      configMapKeyRef: secretKeyRef.extend({ optional: z.boolean().optional() }).optional(),
      fieldRef: podPart.optional(),
      resourceFieldRef: podPart.optional(),
    })
    .optional(),
});

/** What a gateway and a pool take as a pod does. */
export const podFields = {
  image: z.string().min(1).max(512).optional(),
  env: z.array(envVar).max(100).optional(),
  envFrom: z.array(podPart).max(20).optional(),
  resources: podPart.optional(),
  imagePullSecrets: z.array(secretRef).max(10).optional(),
  serviceAccountName: z.string().min(1).max(253).optional(),
  podTemplate: podPart.optional().describe("Merged over the pod template that is generated, last; lists by name."),
};
