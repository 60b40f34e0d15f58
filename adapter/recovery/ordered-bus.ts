import { REPLY_TOPICS } from "#crds";
import type { Place } from "../log/port.ts";
import type { Bus } from "../port.ts";
import type { Plane } from "./plane.ts";

/** Begins a message that comes behind a place of the Log: then the length of that place's text, the text, the message. JSON never begins so. */
const MARK = 0x01;
const isOrdered = (topic: string): boolean => topic.startsWith(REPLY_TOPICS);

const withPlace = ({ epoch, index }: Place, message: Uint8Array): Uint8Array => {
  const text = Buffer.from(`${epoch}.${index}`);
  return Buffer.concat([Buffer.from([MARK, text.length]), text, message]);
};

const placeOf = (message: Uint8Array): { place?: Place; rest: Uint8Array } => {
  if (message[0] !== MARK) return { rest: message };
  const end = 2 + (message[1] ?? 0);
  const [epoch = "", index] = Buffer.from(message.subarray(2, end)).toString("latin1").split(".");
  return { place: { epoch, index: Number(index) }, rest: message.subarray(end) };
};

/**
 * The Bus beside a Log: answers of workers, whose order with what the worker emitted clients can observe, wait for it: at the worker until
 * the Log has it, at the gateway until it has read it. All else goes as it comes.
 */
export const orderedBus = (bus: Bus, plane: Plane): Bus => {
  let last = Promise.resolve();
  let waiting: { place: Place; hand: () => void }[] = [];
  const isReached = ({ epoch, index }: Place) => {
    const here = plane.place();
    return here.epoch === "" || here.epoch !== epoch || here.index >= index;
  };
  const handOver = () => {
    if (waiting.length === 0) return;
    const due = waiting.filter(({ place }) => isReached(place));
    if (due.length === 0) return;
    waiting = waiting.filter(({ place }) => !isReached(place));
    for (const { hand } of due) hand();
  };
  plane.add({ land: () => {}, landedEach: handOver, landedAll: () => {}, cut: handOver });

  const publishBehind = (topics: string | readonly string[], message: Uint8Array) => {
    const confirmed = plane.confirmed().catch(() => undefined);
    last = last.then(async () => {
      const place = await confirmed;
      bus.publish(topics, place === undefined ? message : withPlace(place, message));
    });
  };
  return {
    publish: (topics, message) => {
      if (typeof topics === "string" && isOrdered(topics)) publishBehind(topics, message);
      else bus.publish(topics, message);
    },
    subscribe: (topic, listener) => {
      if (!isOrdered(topic)) return bus.subscribe(topic, listener);
      return bus.subscribe(topic, (message) => {
        const { place, rest } = placeOf(message);
        if (place === undefined || isReached(place)) return listener(rest);
        const copy = new Uint8Array(rest);
        waiting.push({ place, hand: () => listener(copy) });
      });
    },
    connected: () => bus.connected() && plane.connected(),
  };
};
