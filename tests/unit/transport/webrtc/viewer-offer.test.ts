import { expect, test } from "vitest";
import { targetRules } from "../../../../src/transport/webrtc/address-class.ts";
import { writeAnswer } from "../../../../src/transport/webrtc/answer.ts";
import { negotiate } from "../../../../src/transport/webrtc/negotiation.ts";
import { checkOffer } from "../../../../src/transport/webrtc/offer.ts";
import { writeOffer } from "../../../../src/transport/webrtc/viewer-offer.ts";

const side = {
  id: "1",
  cname: "abc",
  ice: { ufrag: "ufrag", pwd: "p".repeat(22) },
  candidates: ["1 1 udp 2113937151 192.0.2.1 50000 typ host"],
  fingerprint: { algorithm: "sha-256", value: Array(32).fill("AB").join(":") },
};
const offer = writeOffer({
  ...side,
  names: { video: { ssrc: 1, rtx: 2 }, audio: { ssrc: 3, rtx: 4 } },
});

test("our offer is one that we would take from a publisher ourselves", () => {
  expect(checkOffer(offer, "publish", targetRules(["192.0.2.1"], "refuse"))).toMatchObject({
    video: true,
    sound: true,
    data: false,
    candidates: 1,
    ufrag: "ufrag",
  });
});

test("what the answer names first is sent, with what both sides have of feedback and extensions", () => {
  const agreed = negotiate(offer, "receiver");
  const answer = writeAnswer(agreed, {
    ...side,
    direction: "recvonly",
    messageBytes: 1,
    streams: new Map(),
  });

  const { media, isClient } = negotiate(answer, "sender");

  expect(isClient).toBe(false);
  expect([...media.values()]).toMatchObject([
    { kind: "audio", mid: "0", format: { name: "opus", payloadType: 111 } },
    { kind: "video", mid: "1", format: { name: "h264", payloadType: 102 } },
  ]);
});

test("an answer that takes nothing is no answer", () => {
  const refusal = offer.replaceAll(/^m=(\w+) 9/gm, "m=$1 0").replaceAll("a=sendonly", "a=inactive");
  expect(() => negotiate(refusal, "sender")).toThrow("has no picture or sound");
});
