import { obstaclesOf, type Facts, type Judgement } from "./model.ts";

/** True while clients have the way in that `gateway.expose` asks for, as far as Kubernetes tells. */
export const exposed = (facts: Facts): Judgement => {
  const obstacles = obstaclesOf(facts, "expose");
  // What is waited for is planned, and comes before what was seen of it.
  const obstacle = obstacles.find(({ isLasting }) => isLasting) ?? obstacles.at(-1);
  if (obstacle !== undefined) return { status: "False", reason: obstacle.reason, message: obstacle.message };
  const { type, ingress, gateway } = facts.cluster.spec.gateway.expose;
  switch (type) {
    case "ClusterIP":
      return { status: "True", reason: "NotNeeded", message: "clients inside the cluster alone" };
    case "LoadBalancer":
      return { status: "True", reason: "LoadBalancer", message: "the load balancer has an address" };
    case "Ingress":
      return { status: "True", reason: "Ingress", message: `an Ingress for ${ingress?.host ?? "any host"}` };
    case "Gateway":
      return {
        status: "True",
        reason: "HTTPRoute",
        message: `an HTTPRoute for ${gateway?.hostnames?.join(", ") ?? "the Gateway's hosts"}`,
      };
  }
};
