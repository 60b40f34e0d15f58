import { calledOf } from "../scale/tell.ts";
import type { Facts, Judgement } from "./model.ts";

/** True while every count that is to follow its load does. */
export const scalingActive = ({ scalings = [] }: Facts): Judgement => {
  const doubts = scalings.flatMap(({ role, doubt }) => (doubt === undefined ? [] : [{ role, doubt }]));
  const [first] = doubts;
  return first === undefined
    ? { status: "True", reason: "FollowsLoad", message: `${scalings.length} counts follow their load` }
    : {
        status: "False",
        reason: first.doubt.reason,
        message: doubts.map(({ role, doubt }) => `${calledOf(role)}: ${doubt.message}`).join("; "),
      };
};
