import type { KubeObject, OwnerReference } from "./object.ts";

/** The one owner that controls it. */
export const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);

/** Whether that is the uid of the owner that controls it; without a uid it is nobody's. */
export const isControlledBy = (object: KubeObject, uid: string | undefined): boolean =>
  uid !== undefined && controllerOf(object)?.uid === uid;
