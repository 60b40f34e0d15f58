import type { Cluster } from "#crds";
import type { Problem } from "./model.ts";

/** Fields of the resource that nothing serves yet: said, rather than left without effect. */
export const notServed = ({ spec }: Cluster): Problem[] => {
  const { recovery } = spec.gateway;
  return recovery === undefined
    ? []
    : [{ path: "spec.gateway.recovery", message: "missed messages are not recovered yet: remove it" }];
};
