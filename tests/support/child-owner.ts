/** A program that starts a process of the benches, says its process id, and then only lives: for tests that end it. */

import type { RelayQuestions } from "../../bench/relay/relay.ts";
import { Child } from "../../bench/webrtc/child.ts";

const relay = new Child<RelayQuestions>(
  new URL("../../bench/relay/relay-process.ts", import.meta.url),
);
if (process.argv[2] === "when-ready") await relay.ask("open", { seed: 1 });
console.log(relay.pid);
