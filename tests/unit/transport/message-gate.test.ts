import { expect, it } from "vitest";
import { StreamError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/protocol/messages.ts";
import { errorEvent, MessageGate } from "../../../src/transport/message-gate.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const PING = JSON.stringify({ type: "session.ping" });

it("lets messages through, and says what is wrong with others", () => {
  const gate = new MessageGate(new ManualClock());
  expect(gate.judge(PING.length, () => PING)).toMatchObject({ kind: "message" });
  expect(gate.judge(1, () => "{")).toMatchObject({ kind: "refused", isLast: false });
  expect(gate.judge(5, () => new Uint8Array(5))).toMatchObject({ error: { code: "bad_message" } });
  const long = " ".repeat(LIMITS.messageBytes + 1);
  expect(gate.judge(long.length, () => long)).toMatchObject({
    error: { code: "message_too_large" },
    isLast: true,
  });
});

it("complains once a second to a client that is too fast, and cuts off one that does not stop", async () => {
  const clock = new ManualClock();
  const gate = new MessageGate(clock);
  const kinds = (count: number) =>
    Array.from({ length: count }, () => gate.judge(PING.length, () => PING).kind);
  expect(new Set(kinds(LIMITS.messageBurst))).toEqual(new Set(["message"]));
  expect(kinds(3)).toEqual(["refused", "ignored", "ignored"]);
  await clock.advance(1_000);
  const next = kinds(LIMITS.messagesPerSecond + 2);
  expect(next.slice(-2)).toEqual(["refused", "ignored"]);
  expect(kinds(2_000)).toContain("cut");
});

it("echoes the id of the message that failed", () => {
  const error = new StreamError("bad_control", "no", { detail: { event_id: "a", control: "x" } });
  expect(errorEvent(error)).toMatchObject({ event_id: "a", error: { detail: { control: "x" } } });
  expect(errorEvent(error, "b")).toMatchObject({ event_id: "b" });
});
