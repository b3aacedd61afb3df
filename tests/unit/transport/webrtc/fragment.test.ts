import fc from "fast-check";
import { expect, test } from "vitest";
import { StreamError } from "../../../../src/core/errors.ts";
import { targetRules } from "../../../../src/transport/webrtc/address-class.ts";
import { parseFragment } from "../../../../src/transport/webrtc/fragment.ts";
import { candidateAt } from "../../../support/offers.ts";

const RULES = targetRules(["203.0.113.7"], "drop");
const CREDENTIALS = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";

const fragmentOf = (...lines: string[]): string =>
  [`${CREDENTIALS}m=audio 9 UDP/TLS/RTP/SAVPF 0`, "a=mid:0", ...lines, ""].join("\r\n");

const codeOf = (text: string): string => {
  try {
    parseFragment(text, RULES);
    return "accepted";
  } catch (error) {
    return StreamError.is(error) ? error.code : "crashed";
  }
};

test("a fragment tells its ICE session, its candidates, and whether they are the last", () => {
  const good = candidateAt("198.51.100.1");
  const text = fragmentOf(`a=${good}`, `a=${candidateAt("10.0.0.1")}`, "a=end-of-candidates");

  const fragment = parseFragment(text, RULES);

  expect(fragment).toMatchObject({
    ufrag: "EsAw",
    pwd: "P2uYro0UCOQ4zxjKXaWCBui1",
    mids: ["0"],
    candidates: [{ candidate: good, mid: "0" }],
    isLast: true,
  });
  expect(fragment.text).toBe(fragmentOf(`a=${good}`, "a=end-of-candidates"));
});

test("a fragment without sections is one too", () => {
  expect(parseFragment(`${CREDENTIALS}a=end-of-candidates`, RULES)).toMatchObject({
    mids: [],
    candidates: [],
    isLast: true,
  });
});

test.each([
  ["no credentials", "a=mid:0\r\n"],
  ["two ICE sessions", fragmentOf("a=ice-ufrag:Other")],
  ["a loopback target", fragmentOf(`a=${candidateAt("127.0.0.1")}`)],
  ["65 candidates", fragmentOf(...Array<string>(65).fill(`a=${candidateAt("198.51.100.1")}`))],
  ["9 sections", CREDENTIALS + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(9)],
  ["a section that is none", `${CREDENTIALS}m=\r\n`],
])("a fragment with %s is refused", (_what, text) => {
  expect(codeOf(text)).toBe("bad_request");
});

test("whatever comes is accepted or refused with a code", () => {
  const line = fc.oneof(
    fc.constantFrom("a=mid:0", "m=audio 9 RTP/AVP 0", `a=${candidateAt("1.2.3.4")}`, "a=ice-pwd:x"),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      expect(["accepted", "bad_request"]).toContain(codeOf(CREDENTIALS + lines.join("\r\n")));
    }),
  );
});
