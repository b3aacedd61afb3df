/** A program that starts an engine, says its process id, and then only lives: for tests that end it. */

import { silentLogger } from "../../src/core/log.ts";
import { as } from "../../src/core/units.ts";
import { startEngine } from "../../src/stream/engine/supervisor.ts";
import { fixture } from "./engine.ts";

const engine = await startEngine(
  { packagePath: fixture("tiny-separable"), provider: "cpu", callDeadline: as(60_000) },
  () => undefined,
  silentLogger,
);
console.log(engine.pid);
