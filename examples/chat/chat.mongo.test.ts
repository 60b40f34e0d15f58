import { jest, test } from "@jest/globals";
import { shortCollections } from "../../adapter/testing/mongo.ts";
import { chatMongo, chatName, chatOver, type Mix } from "../testing/chat-over.ts";

jest.setTimeout(240_000);

const brokers: Mix["broker"][] = ["rabbitmq", "zeromq"];

test.each(brokers)("the chat runs with the words mongo and %s", async (broker) => {
  const name = chatName();
  await using _ = await shortCollections((await chatMongo()).uri, name);
  await chatOver({ adapter: "mongo", broker }, name);
});
