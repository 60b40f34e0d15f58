type Fields = Record<string, unknown>;

/**
 * Part of a pod's spec: pods with these labels over nodes, and over zones where there are such. Not two spread constraints: a node that lacks
 * one's label is left out of both, so where nodes have no zones nothing would be spread
 * (https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/#topologyspreadconstraints-field).
 */
export const spread = (matchLabels: Record<string, string>, matchLabelKeys?: readonly string[]): Fields => ({
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels },
      ...(matchLabelKeys === undefined ? {} : { matchLabelKeys }),
    },
  ],
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 50, podAffinityTerm: { topologyKey: "topology.kubernetes.io/zone", labelSelector: { matchLabels } } },
      ],
    },
  },
});
