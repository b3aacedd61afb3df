import fc from "fast-check";
import { expect, test } from "vitest";
import { StreamError } from "../../../../src/core/errors.ts";
import { targetRules } from "../../../../src/transport/webrtc/address-class.ts";
import { checkOffer, type Purpose } from "../../../../src/transport/webrtc/offer.ts";
import { candidateAt, offerOf, VIDEO } from "../../../support/offers.ts";

const ON_THIS_MACHINE = targetRules(["127.0.0.1"], "drop");
const PUBLIC = targetRules(["203.0.113.7", "10.0.0.5"], "drop");

const check = (sdp: string, purpose: Purpose = "play", rules = PUBLIC) =>
  checkOffer(sdp, purpose, rules);

const codeOf = (...given: Parameters<typeof check>): string => {
  try {
    check(...given);
    return "accepted";
  } catch (error) {
    return StreamError.is(error) ? error.code : "crashed";
  }
};

const without = (pattern: RegExp): string =>
  offerOf()
    .split("\r\n")
    .filter((line) => !pattern.test(line))
    .join("\r\n");

test("a browser's offer is accepted, and says what it can be sent", () => {
  const offer = check(offerOf());

  expect(offer).toMatchObject({ ufrag: "aB3+", video: true, sound: true, data: true });
  expect(offer.sdp).toBe(offerOf());
});

test("an offer in the wrong direction is refused; for a publisher the directions are swapped", () => {
  expect(codeOf(offerOf({ direction: "sendonly" }))).toBe("bad_request");
  expect(codeOf(offerOf({ direction: "sendonly" }), "publish")).toBe("accepted");
  expect(codeOf(offerOf({ direction: "recvonly" }), "publish")).toBe("bad_request");
  expect(codeOf(offerOf({ direction: "inactive" }))).toBe("bad_request");
  for (const purpose of ["play", "publish"] as const) {
    expect(codeOf(offerOf({ direction: "sendrecv" }), purpose)).toBe("accepted");
  }
});

test("an offer whose video cannot be had is left with its sound", () => {
  const onlyVp9 = check(offerOf({ video: ["a=rtpmap:96 VP9/90000"] }));

  expect(onlyVp9).toMatchObject({ video: false, sound: true });
});

test("an offer without any codec of ours is told so", () => {
  const sdp = offerOf({ video: ["a=rtpmap:97 H264/90000", "a=fmtp:97 packetization-mode=0"] });

  expect(codeOf(sdp.replace("opus/48000/2", "PCMU/8000"))).toBe("unsupported_codec");
});

test.each([
  ["no ufrag", without(/^a=ice-ufrag/)],
  ["no password", without(/^a=ice-pwd/)],
  ["a short password", offerOf().replaceAll("a=ice-pwd:0123456789", "a=ice-pwd:")],
  ["no fingerprint", without(/^a=fingerprint/)],
  ["only a weak fingerprint", offerOf().replaceAll("sha-256", "sha-1")],
  ["a fingerprint of another length", offerOf().replaceAll("sha-256", "sha-512")],
  ["no setup", without(/^a=setup/)],
  ["setup passive", offerOf().replaceAll("actpass", "passive")],
  ["no bundle", without(/^a=group/)],
  ["a bundle that misses a section", offerOf().replace("BUNDLE 0 1 2", "BUNDLE 0 1")],
  ["two sections of one mid", offerOf().replaceAll("a=mid:1", "a=mid:0")],
  ["no rtcp-mux", without(/^a=rtcp-mux/)],
  ["no media section", without(/^m=/)],
  ["plain RTP", offerOf().replaceAll("UDP/TLS/RTP/SAVPF", "RTP/AVP")],
  ["500 media sections", offerOf() + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".repeat(500)],
  ["65 candidates", offerOf({ candidates: Array<string>(65).fill(candidateAt("198.51.100.1")) })],
  ["a candidate that is none", offerOf({ candidates: ["candidate:1 1 udp"] })],
  ["an endless line", `${offerOf()}a=mid:${"x".repeat(2_000)}`],
  ["a control character", offerOf().replace("s=-", "s=\u0000")],
  ["endless lines", offerOf() + "a=x\n".repeat(3_000)],
  ["no description", "hello"],
  ["nothing", ""],
])("an offer with %s is refused", (_what, sdp) => {
  expect(codeOf(sdp)).toBe("bad_request");
});

test("an offer above 64 KiB is refused unread", () => {
  expect(codeOf("v=0\r\n".repeat(200_000))).toBe("message_too_large");
  expect(codeOf("ü".repeat(40_000))).toBe("message_too_large");
});

test("a public server keeps public targets, drops private ones, and is never made to look up a name", () => {
  const candidates = [
    "10.0.0.1",
    "192.168.1.2",
    "100.64.3.3",
    "fd00::1",
    "169.254.169.254",
    "fe80::1",
  ];
  const names = ["4f2d.local", "inside.example"];
  const offer = check(
    offerOf({
      candidates: [...candidates, ...names, "198.51.100.9", "2600::9"].map((a) => candidateAt(a)),
    }),
  );

  expect(offer).toMatchObject({ candidates: 2, dropped: 8 });
  expect(offer.sdp.match(/typ host/g)).toHaveLength(2);
});

test.each([
  "127.0.0.1",
  "127.9.9.9",
  "::1",
  "::ffff:127.0.0.1",
  "0.0.0.0",
  "::",
  "224.0.0.1",
  "ff02::1",
])("a public server refuses an offer that points at %s", (address) => {
  expect(codeOf(offerOf({ candidates: [candidateAt(address)] }))).toBe("bad_request");
});

test("a server may refuse where it would drop", () => {
  const strict = targetRules(["203.0.113.7"], "refuse");

  expect(codeOf(offerOf({ candidates: [candidateAt("10.0.0.1")] }), "play", strict)).toBe(
    "bad_request",
  );
});

test("a server that only this machine reaches may be pointed at this machine", () => {
  const sdp = offerOf({ candidates: [candidateAt("127.0.0.1"), candidateAt("192.168.0.9")] });

  expect(check(sdp, "play", ON_THIS_MACHINE)).toMatchObject({ candidates: 1, dropped: 1 });
});

test("TCP, RTCP and port 0 are dropped", () => {
  const candidates = [
    "candidate:1 1 tcp 1518280447 198.51.100.1 9 typ host tcptype active",
    "candidate:1 2 udp 2113937151 198.51.100.1 50000 typ host",
    candidateAt("198.51.100.1", 0),
  ];

  expect(check(offerOf({ candidates }))).toMatchObject({ candidates: 0, dropped: 3 });
});

test("what the server does not know is left out", () => {
  const sdp = offerOf().replace("a=mid:0", "a=mid:0\r\na=x-secret:1\r\ni=words\r\na=crypto:1 AES");

  expect(check(sdp).sdp).toBe(offerOf());
  expect(VIDEO.every((line) => check(sdp).sdp.includes(line))).toBe(true);
});

test("whatever comes is accepted or refused with a code", () => {
  const lines = offerOf().split("\r\n");
  const mutated = fc
    .array(
      fc.tuple(
        fc.nat(lines.length - 1),
        fc.oneof(fc.string({ unit: "binary", maxLength: 80 }), fc.constantFrom(...lines)),
      ),
      { maxLength: 6 },
    )
    .map((changes) => {
      const copy = [...lines];
      for (const [at, line] of changes) copy[at] = line;
      return copy.join("\r\n");
    });

  fc.assert(
    fc.property(fc.oneof(mutated, fc.string({ unit: "binary", maxLength: 500 })), (sdp) => {
      expect(["accepted", "bad_request", "unsupported_codec"]).toContain(codeOf(sdp));
    }),
    { numRuns: 500 },
  );
});

test("checking what was checked changes nothing", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(fc.array(address, { maxLength: 20 }), (addresses) => {
      const sdp = offerOf({ candidates: addresses.map((at) => candidateAt(at)) });
      if (codeOf(sdp) !== "accepted") return;
      const once = check(sdp);
      expect(check(once.sdp)).toEqual({ ...once, dropped: 0 });
    }),
  );
});
