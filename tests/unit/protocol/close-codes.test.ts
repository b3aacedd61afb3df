import { expect, test } from "vitest";
import { closeCodeFor } from "../../../src/protocol/close-codes.ts";

test("an error that ends a connection has a code of its own, or counts as against the protocol", () => {
  expect(closeCodeFor("message_too_large")).toBe(1009);
  expect(closeCodeFor("session_limit")).toBe(1013);
  expect(closeCodeFor("engine_hung")).toBe(4005);
  expect(closeCodeFor("unknown_model")).toBe(1008);
});
