/** Entry of the server process of the WebRTC bench: the real server, an engine of test pictures, and its own figures. */

import { Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/log.ts";
import { ZoetropeServer } from "../../src/server/app.ts";
import { resolveConfig } from "../../src/server/config.ts";
import { builtConsole } from "../../src/server/console-files.ts";
import { findModels } from "../../src/server/models.ts";
import type { EngineSession } from "../../src/stream/engine/contract.ts";
import { RESTART_LIMITS } from "../../src/stream/engine/restarts.ts";
import { supervise } from "../../src/stream/engine/supervisor.ts";
import { answerWith } from "./child.ts";
import { openTestEngine } from "./engine-channel.ts";
import type { ServerQuestions } from "./server.ts";
import { loadTestPackage, PACKAGE } from "./test-model.ts";

const outside = countOutsidePackets();
let mostEncodings = 0;
const loopDelay = monitorEventLoopDelay({ resolution: 1 });
loopDelay.enable();

const { config } = resolveConfig({
  // One address opens all sessions, as fast as it can: no limit on that.
  flags: { port: 0, models: [PACKAGE], sessions: 8, sessionRate: 0, idle: 86_400, grace: 5 },
  environment: {},
});
const server = new ZoetropeServer({
  config,
  models: await findModels(config.models, loadTestPackage),
  startEngine: async (options, onEvent, logger) => {
    const engine = await supervise({
      options,
      onEvent,
      logger,
      clock: systemClock,
      restarts: RESTART_LIMITS,
      openChannel: openTestEngine,
    });
    return {
      cache: engine.cache,
      open: async (wish) => counted(await engine.open(wish)),
      close: () => engine.close(),
    };
  },
  clock: systemClock,
  logger: silentLogger,
  console: await builtConsole((line) => console.error(line)),
});
const address = await server.listen();
await Promise.all(server.preloaded.map((model) => server.engines.ready(model)));

answerWith<ServerQuestions>({
  address: () => address.href,
  usage: ({ settle }) => {
    if (settle) globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    const percentile = loopDelay.percentile(99) / 1e6;
    loopDelay.reset();
    const encodings = mostEncodings;
    mostEncodings = 0;
    return {
      cpuMs: (user + system) / 1000,
      rss,
      held: heapUsed + external,
      loopP99Ms: percentile,
      encodings,
      resources: process.getActiveResourcesInfo(),
      outsidePackets: outside.count,
    };
  },
});

/** Remember the most encodings that a block was asked for in. */
function counted(session: EngineSession): EngineSession {
  const next = session.next.bind(session);
  session.next = (request) => {
    mostEncodings = Math.max(mostEncodings, request.renditions.length);
    return next(request);
  };
  return session;
}

/** Count datagrams to anybody beyond this machine. */
function countOutsidePackets(): { count: number } {
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((each) => each.address)),
  );
  const counter = { count: 0 };
  const send = Reflect.get(Socket.prototype, "send") as (...args: unknown[]) => void;
  Socket.prototype.send = function (this: Socket, ...args: unknown[]) {
    const host = args.findLast((argument) => typeof argument === "string");
    if (typeof host === "string" && !own.has(host)) counter.count += 1;
    send.apply(this, args);
  };
  return counter;
}
