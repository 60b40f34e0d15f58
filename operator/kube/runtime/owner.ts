import type { KubeObject, OwnerReference } from "./object.ts";

/** The one owner that controls it. */
export const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);
