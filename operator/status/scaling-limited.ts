import { calledOf } from "../scale/tell.ts";
import type { Facts, Judgement } from "./model.ts";

/** True while a load asks for more than `maxReplicas`. */
export const scalingLimited = ({ scalings = [] }: Facts): Judgement => {
  const limited = scalings.filter(({ isLimited }) => isLimited);
  return limited.length === 0
    ? { status: "False", reason: "WithinLimits", message: "no load asks for more than maxReplicas" }
    : {
        status: "True",
        reason: "TooManyReplicas",
        message: `the load asks for more than maxReplicas: ${limited.map(({ role }) => `${calledOf(role)} ${role.scale?.max}`).join(", ")}`,
      };
};
