import { type KubeObject, type OwnerReference, controllerOf } from "./runtime/index.ts";

/** A child of a resource of the same name that was deleted: it goes by itself. */
export const isFormer = (object: KubeObject, owner: OwnerReference): boolean => {
  const controller = controllerOf(object);
  return controller?.kind === owner.kind && controller.name === owner.name && controller.uid !== owner.uid;
};
