import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CLOSE } from "../../../src/protocol/close-codes.ts";
import { clientSchemas, LIMITS } from "../../../src/protocol/messages.ts";
import { SPEECH } from "../../../src/protocol/speech.ts";
import { SPEECH_LIMITS } from "../../../src/stream/speech/speech-lane.ts";

const read = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

const protocol = read("docs/protocol.md");

/** The rows of the table under `heading`: what stands in their first column. */
function firstColumn(heading: string): string {
  const section = protocol.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|")[1] ?? "")
    .join("\n");
}

/** Every literal of a union type in a source file. */
const literals = (source: string, from: string): string[] => {
  const start = source.indexOf(from);
  const union = source.slice(start, source.indexOf(";", start));
  return [...union.matchAll(/\| "([a-z_]+)"/g)].map(([, name]) => name ?? "");
};

test("every error code is documented, and no other", () => {
  const codes = literals(read("src/core/errors.ts"), "export type ErrorCode");
  const documented = [...firstColumn("Errors").matchAll(/`([a-z_]+)`/g)].map(([, name]) => name);

  expect(codes.length).toBeGreaterThan(30);
  expect(documented.toSorted()).toEqual(codes.toSorted());
});

test("every close code is documented, and no other", () => {
  const documented = [...firstColumn("Closing").matchAll(/\d{4}/g)].map(([code]) => Number(code));

  expect(documented.toSorted()).toEqual(Object.values(CLOSE).toSorted());
});

test("every message a client may send is documented", () => {
  const { ClientMessage } = clientSchemas();
  const types = [...JSON.stringify(ClientMessage).matchAll(/"const":"([a-z_.]+)"/g)];

  expect(types.length).toBeGreaterThan(10);
  const documented = firstColumn("What a client sends");
  for (const [, type] of types) expect(documented).toContain(`\`${type ?? ""}\``);
});

test("every event a server may send is documented", () => {
  const source = read("src/protocol/events.ts");
  const types = [...source.matchAll(/"([a-z]+\.[a-z_]+)"/g)].map(([, type]) => type ?? "");

  expect(types.length).toBeGreaterThan(15);
  const documented = firstColumn("What the server sends");
  for (const type of new Set([...types, "error"])) expect(documented).toContain(`\`${type}\``);
});

test("the limits are those that are kept", () => {
  const limits = protocol.split("\n## Limits\n")[1]?.split("\n## ")[0] ?? "";

  expect(limits).toContain(`${LIMITS.messageBytes.toLocaleString("en")} bytes`);
  expect(limits).toContain(
    `${LIMITS.messagesPerSecond} a second, bursts of ${LIMITS.messageBurst}`,
  );
  expect(limits).toContain(`| controls in one message | ${LIMITS.controlsPerMessage} |`);
  expect(limits).toContain(`| ${SPEECH.characters.toLocaleString("en")} characters |`);
  const { bytes, milliseconds } = SPEECH.opus;
  expect(limits).toContain(`| ${bytes.toLocaleString("en")} bytes, ${milliseconds} milliseconds |`);
  const { seconds, utterances } = SPEECH_LIMITS;
  expect(limits).toContain(`| ${seconds} seconds of sound, ${utterances} utterances |`);
});

test("the rates of sound are those that are taken", () => {
  const { least, most } = SPEECH.rates;
  expect(firstColumn("What a client sends")).toContain("input_audio.append");
  expect(protocol).toContain(`${least.toLocaleString("en")} to ${most.toLocaleString("en")}`);
});

test("every path that is served is documented", () => {
  const routes = [
    ...["model", "session", "recording", "upload", "operation"],
    ...["whep", "whip", "publication"],
  ].map((name) => read(`src/server/http/${name}-routes.ts`));
  const paths = routes
    .flatMap((source) => [...source.matchAll(/http\.\w+(?:<\w+>)?\(\s*"(\/[^"]+)"/g)])
    .map(([, path]) => (path ?? "").replace(/:(\w+)/g, "{$1}"));

  expect(paths.length).toBeGreaterThan(10);
  for (const path of new Set(paths)) expect(firstColumn("HTTP")).toContain(path);
});
