import { request as httpRequest, type Agent, type IncomingMessage, type ServerResponse } from "node:http";
import { clientOf } from "./client.ts";
import { hasBody, requestHeaders, responseHeaders } from "./headers.ts";

export interface CarriedRequest {
  /** Links to the owner. */
  agent: Agent;
  request: IncomingMessage;
  response: ServerResponse;
  /** The owner cannot be reached, and the client has heard nothing yet. */
  lost: () => void;
  /** Asked when the answer comes: whether the client should come over another connection next time. */
  leaving: () => boolean;
}

/** Passes a request to the owner and its answer back, as they come, as fast as the other side takes them. What one side breaks off, is broken off. */
export const carryRequest = ({ agent, request, response, lost, leaving }: CarriedRequest): void => {
  const { method, url, rawHeaders, socket } = request;
  const onward = httpRequest({ agent, method, path: url, headers: requestHeaders(rawHeaders, clientOf(socket)) });
  onward.on("response", (answer) => {
    if (leaving()) response.shouldKeepAlive = false;
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, responseHeaders(answer.rawHeaders));
    answer.on("error", () => response.destroy());
    answer.pipe(response);
  });
  onward.on("error", () => {
    request.unpipe(onward);
    if (response.headersSent || response.destroyed) response.destroy();
    else lost();
  });
  response.once("close", () => {
    onward.destroy();
    request.resume();
  });
  if (hasBody(rawHeaders)) request.pipe(onward);
  else onward.end();
};
