import fc from "fast-check";
import { expect, test } from "vitest";
import { StreamError } from "../../../src/core/errors.ts";
import {
  cacheSettingsSchema,
  LIMITS,
  liveParametersSchema,
  parseClientMessage,
  parseParameterChange,
  parseSessionRequest,
} from "../../../src/protocol/messages.ts";

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (StreamError.is(error)) return error.code;
    throw error;
  }
  return "none";
};

test("defaults are filled in", () => {
  const message = parseClientMessage('{"type":"session.start","model":"arcade"}');

  expect(message).toEqual({
    type: "session.start",
    model: "arcade",
    parameters: {},
    media: { codecs: ["h264", "vp8"], bitrate: 2_000_000, sound: false, markers: false },
  });
});

test("a refusal names the path and echoes the message's id", () => {
  const text = '{"type":"control.input","event_id":"e7","values":{"left":[]}}';

  expect(() => parseClientMessage(text)).toThrow(
    expect.objectContaining({
      code: "bad_parameter",
      detail: { event_id: "e7", path: "values.left" },
    }),
  );
});

test("a message longer than allowed is refused before it is read", () => {
  const text = JSON.stringify({ type: "session.ping", pad: "x".repeat(LIMITS.messageBytes) });

  expect(codeOf(() => parseClientMessage(text))).toBe("message_too_large");
});

test("more controls than allowed in one message are refused", () => {
  const values = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, 1]));
  const message = (count: number) =>
    JSON.stringify({ type: "control.input", values: values(count) });

  expect(codeOf(() => parseClientMessage(message(LIMITS.controlsPerMessage)))).toBe("none");
  expect(codeOf(() => parseClientMessage(message(LIMITS.controlsPerMessage + 1)))).toBe(
    "bad_parameter",
  );
});

test.each(["..", "../x", "a/b", "A", "", "-a", "a".repeat(65), "a b", "a\u0000"])(
  "%j is no model id",
  (model) => {
    const text = JSON.stringify({ type: "session.start", model });

    expect(codeOf(() => parseClientMessage(text))).toBe("bad_parameter");
  },
);

test("a control may be named like anything an object has", () => {
  const text = '{"type":"control.input","values":{"__proto__":1,"constructor":1}}';

  expect(codeOf(() => parseClientMessage(text))).toMatch(/^(none|bad_parameter)$/);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("any text is a message or a refusal with a code", () => {
  const text = fc.oneof(fc.json(), fc.string({ unit: "binary" }), fc.string());
  fc.assert(
    fc.property(text, (message) => {
      expect(codeOf(() => parseClientMessage(message))).toMatch(
        /^(none|bad_message|unknown_type|bad_parameter|message_too_large)$/,
      );
    }),
    { numRuns: 2_000 },
  );
});

test("bodies of HTTP requests are checked the same way", () => {
  expect(parseSessionRequest({ model: "arcade" })).toEqual({
    model: "arcade",
    parameters: {},
    markers: false,
  });
  expect(parseParameterChange({ parameters: { steps: 2 } })).toEqual({ steps: 2 });
  expect(codeOf(() => parseSessionRequest(null))).toBe("bad_parameter");
  expect(codeOf(() => parseSessionRequest({ model: "arcade", x: 1 }))).toBe("bad_parameter");
  expect(codeOf(() => parseParameterChange({ parameters: { steps: 0.5 } }))).toBe("bad_parameter");
});

test("the schema of parameters says for people what each is", () => {
  const { properties } = liveParametersSchema();

  for (const property of Object.values(properties)) {
    expect(property["title"]).toEqual(expect.any(String));
    expect(property["applies"]).toEqual(expect.any(String));
    const range = [property["minimum"], property["maximum"]].every((x) => typeof x === "number");
    expect(range || Array.isArray(property["enum"])).toBe(true);
  }
});

test("what may be said of a cache is bounded, field by field", () => {
  const configure = (change: object) =>
    codeOf(() => parseClientMessage(JSON.stringify({ type: "cache.configure", ...change })));

  expect(configure({})).toBe("none");
  expect(configure({ policy: "convkv", kernel: "mean", storage: "int4", every: 1000 })).toBe(
    "none",
  );
  for (const change of [
    { policy: "all" },
    { window_frames: 0 },
    { sink_frames: 65 },
    { memory_slots: 2 ** 20 + 1 },
    { threshold: -0.1 },
    { every: 1.5 },
    { slots: 4 },
  ]) {
    expect(configure(change)).toBe("bad_parameter");
  }
  const reset = (fields: object) =>
    codeOf(() => parseClientMessage(JSON.stringify({ type: "cache.reset", ...fields })));
  expect([reset({ keep_sinks: true }), reset({})]).toEqual(["none", "bad_parameter"]);
});

test("the schema of a cache's settings says for people what each is, and for which policies", () => {
  const { properties } = cacheSettingsSchema();
  const policies = properties["policy"]?.["enum"] as string[];

  for (const property of Object.values(properties)) {
    expect(property["title"]).toEqual(expect.any(String));
    expect(property["applies"]).toEqual(expect.any(String));
    expect(policies).toEqual(expect.arrayContaining((property["for"] ?? []) as string[]));
  }
});
