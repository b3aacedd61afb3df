/** A server whose model hears, for the tests of one file. */

import { afterAll, beforeAll } from "vitest";
import { startEngine } from "../../src/stream/engine/supervisor.ts";
import { type Client, Service } from "./service.ts";

/** A server that is there while a file's tests run. */
export interface HearingServer {
  readonly service: () => Service;
  /** A client with sound, in a session of its own whose model hears. */
  readonly play: () => Promise<Client>;
}

/** Starts it before the file's tests, and closes it after them. */
export function hearingServer(): HearingServer {
  let service: Service;
  beforeAll(async () => {
    service = await Service.start({
      startEngine,
      config: { sessions: 64, preload: ["tiny-speech"] },
    });
  });
  afterAll(() => service[Symbol.asyncDispose]());
  const media = { codecs: ["vp8" as const], sound: true };
  return {
    service: () => service,
    play: () => service.play({ model: "tiny-speech", media }),
  };
}
