import { randomBytes } from "node:crypto";
import type { DeliveryOptions } from "../index.ts";
import { busMetrics } from "../metrics.ts";
import type { Delivery } from "../port.ts";
import { deliveryOver } from "../recovery/delivery-over.ts";
import { createTopics } from "../topics.ts";
import { mongoBus } from "./bus.ts";
import { connect } from "./connection.ts";
import { hearDocuments } from "./hear.ts";
import { createLarge } from "./large.ts";
import { openMongoLog } from "./log/index.ts";
import { createPublisher } from "./publisher.ts";
import { documentId } from "./sequences.ts";
import { openTail } from "./tail.ts";

/** Names of documents: unlike those of every other process, numbered, and short. */
const documentIds = (): (() => string) => {
  const process = randomBytes(9).toString("base64url");
  let last = 0;
  return () => {
    last += 1;
    return documentId(process, last);
  };
};

/** FerretDB numbers a document before it inserts it, so that a cursor may pass by one that comes late. */
const MARK_ON_FERRETDB_MS = 300;

interface MongoOptions extends DeliveryOptions {
  /** Called after messages were missed because the collection had no room for them any more. */
  onOverrun?: () => void;
}

/**
 * The delivery plane on MongoDB: the capped collection `<cluster>.bus`, read by every process, made with 64 MiB where it is not there;
 * messages above 256 KiB lie in `<cluster>.bus.large` for a minute.
 * Rejects where the server does not answer within 10 s.
 */
export const openMongoDelivery = async (options: MongoOptions): Promise<Delivery> => {
  const { cluster, node, settings, log, registry, onOverrun } = options;
  const metrics = busMetrics(registry);
  const collection = `${cluster}.bus`;
  const id = documentIds();
  await using opening = new AsyncDisposableStack();
  const connection = opening.use(await connect(settings, { name: node, log }));
  const large = opening.use(
    createLarge({ db: connection.db, collection: `${collection}.large`, id: documentIds(), log }),
  );
  const topics = createTopics({ metrics, log });
  const overrun = () => {
    metrics.interrupted();
    log.warn({ collection }, "messages were missed: the collection was overrun, or made anew");
    onOverrun?.();
  };
  const heard = hearDocuments(topics, { large, metrics, log });
  const tail = opening.use(await openTail({ connection, collection, id, heard, overrun, log }));
  const { connected } = tail;
  const isFerret = "ferretdbFeatures" in (await connection.db().command({ buildInfo: 1 }));
  const markAfterMs = isFerret ? MARK_ON_FERRETDB_MS : undefined;
  const publisher = opening.use(
    createPublisher({ db: connection.db, collection, large, id, connected, markAfterMs, metrics, log }),
  );
  const delivery = opening.use(await deliveryOver(mongoBus(topics, publisher, tail), options, openMongoLog));
  const stack = opening.move();
  return { ...delivery, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};
