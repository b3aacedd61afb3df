import { expect, test } from "vitest";
import { keepPreferences, readPreferences } from "../../../clients/console/preferences.ts";
import { watchAddress, watchTarget } from "../../../clients/console/watch-link.ts";
import { describeQuality } from "../../../clients/console/words.ts";

const TARGET = {
  session: "4zFMQJsbJbV1Z1Ql",
  token: "Lpx2mn_vOgpzbWC8S2GhaCFHflpSVdlnINm-hdKCfog",
};

test("a watch link leads back to its session, and carries nothing of the player's page", () => {
  const address = watchAddress(TARGET, "https://zoetrope.example/?token=secret#/play/arcade");
  expect(address).toBe(`https://zoetrope.example/#watch=${TARGET.session}.${TARGET.token}`);
  expect(watchTarget(new URL(address).hash)).toEqual(TARGET);
});

test.each(["", "#/play/arcade", "#watch=", "#watch=a.b", "#watch=a/b.0123456789abcdef"])(
  "%j is no watch link",
  (hash) => {
    expect(watchTarget(hash)).toBeUndefined();
  },
);

test("preferences come from the address, then from an earlier visit; nonsense counts for nothing", () => {
  const store = new Map<string, string>();
  const kept = {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => store.set(key, value),
  };
  expect(readPreferences("", kept)).toEqual({ transport: "auto", delay: "low" });
  expect(readPreferences("", kept, "default")).toEqual({ transport: "auto", delay: "default" });
  keepPreferences({ transport: "websocket", delay: "default" }, kept);
  expect(readPreferences("", kept)).toEqual({ transport: "websocket", delay: "default" });
  expect(readPreferences("?transport=webrtc&delay=no", kept)).toEqual({
    transport: "webrtc",
    delay: "default",
  });
  expect(readPreferences("?transport=pigeon", undefined).transport).toBe("auto");
});

test("a grade is told with its reason", () => {
  expect(describeQuality({ grade: "good", limit: undefined })).toBe("Good");
  expect(describeQuality({ grade: "poor", limit: "loss" })).toBe("Poor: the network loses packets");
});
