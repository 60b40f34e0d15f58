import { posix } from "node:path";
import { parseRealtimeCluster, withDefaults } from "#crds";
import type { Wanted } from "../reconcile.ts";
import { ANNOTATION } from "./plan/labels.ts";
import type { KubeObject } from "./runtime/object.ts";

/** Where the user's files lie in an image. */
const HOME = "/app";

/** The cluster that a resource asks for: paths begin at the image's working directory, and the annotation that pauses counts as `suspend`. */
export const clusterOf = (resource: KubeObject): Wanted => {
  const { apiVersion, kind, metadata, spec } = resource;
  const parsed = parseRealtimeCluster({ apiVersion, kind, metadata, spec });
  if (!parsed.ok) return { problems: parsed.problems, generation: metadata.generation ?? 0 };
  const cluster = withDefaults(parsed.value);
  const { gateway } = cluster.spec;
  const isPaused = metadata.annotations?.[ANNOTATION.pause] === "true";
  return {
    cluster: {
      ...cluster,
      spec: {
        ...cluster.spec,
        ...(isPaused ? { suspend: true } : {}),
        gateway: {
          ...gateway,
          ...(gateway.public === undefined ? {} : { public: posix.resolve(HOME, gateway.public) }),
          ...(gateway.app === undefined ? {} : { app: posix.resolve(HOME, gateway.app) }),
        },
      },
    },
  };
};
