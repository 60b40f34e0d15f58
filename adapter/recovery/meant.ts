import type { RoomMessage } from "../cluster-message.ts";
import type { Entry } from "./entry.ts";
import type { Member } from "./member.ts";
import type { Tail } from "./tail.ts";

const AT_ONCE = 256;

/** The entries behind `index` that are meant for `member`, oldest first, by its rooms as whoever reads makes them. */
export function* meantFor(
  member: Member,
  tail: Tail,
  index: number,
): Generator<{ index: number; message: RoomMessage }, void> {
  for (let isThrough = false; !isThrough;) {
    const some: Entry[] = tail.said(member.nsp, member.everIn(), index, AT_ONCE);
    isThrough = some.length < AT_ONCE;
    for (const entry of some) {
      const { message } = entry;
      ({ index } = entry);
      if (!("to" in message) || !member.isMeant(message.to, index)) continue;
      yield { index, message };
      if (message.kind !== "join") continue;
      // It may be in more rooms now.
      isThrough = false;
      break;
    }
  }
}
