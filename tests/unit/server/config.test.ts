import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  type ConfigInput,
  isLoopback,
  portsOf,
  resolveConfig,
  settings,
} from "../../../src/server/config.ts";

const resolve = (input: Partial<ConfigInput> = {}) =>
  resolveConfig({ flags: {}, environment: {}, ...input });

function configFile(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "zoetrope-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, "zoetrope.json");
  writeFileSync(path, content);
  return path;
}

test("without any settings the server listens on this machine only", () => {
  const { config, sources } = resolve();

  expect(config).toMatchObject({ host: "127.0.0.1", port: 8080, provider: "auto", open: false });
  expect(sources.port).toBe("default");
});

test("flags win over the environment, the environment over the file, the file over defaults", () => {
  const file = configFile('{"port":1,"sessions":1,"idle":50}');
  const environment = { ZOETROPE_PORT: "2", ZOETROPE_SESSIONS: "2", ZOETROPE_CONFIG: file };

  const { config, sources } = resolve({ flags: { port: "3" }, environment });

  expect(config).toMatchObject({ port: 3, sessions: 2, idle: 50 });
  expect(sources).toMatchObject({
    port: "flag",
    sessions: "environment",
    idle: "file",
    grace: "default",
  });
});

test("text becomes what each setting is", () => {
  const environment = {
    ZOETROPE_MODELS: "a, b",
    ZOETROPE_OPEN: "1",
    ZOETROPE_ORIGINS: "https://a.example,https://b.example",
    ZOETROPE_LOG: "debug",
    ZOETROPE_THREADS: "",
  };

  expect(resolve({ environment }).config).toMatchObject({
    models: ["a", "b"],
    open: true,
    origins: ["https://a.example", "https://b.example"],
    log: "debug",
  });
});

test.each([
  [{ flags: { port: "70000" } }, /`port` \(from the flag\)/],
  [{ flags: { port: "eighty" } }, /`port` \(from the flag\)/],
  [{ environment: { ZOETROPE_PROVIDER: "tpu" } }, /`provider` \(from the environment\)/],
  [{ flags: { token: "short" } }, /`token`/],
  [{ flags: { origins: ["ftp://a.example"] } }, /`origins`/],
  [{ file: "/nowhere/zoetrope.json" }, /cannot read the configuration file/],
])("%j is refused, saying which value and where it came from", (input, message) => {
  expect(() => resolve(input)).toThrow(message);
  expect(() => resolve(input)).toThrow(expect.objectContaining({ code: "config_invalid" }));
});

test("an unknown key of the file is refused with the keys there are", () => {
  const file = configFile('{"prot":1}');

  expect(() => resolve({ file })).toThrow(/no setting `prot`; there are: host, port/);
});

test("listening beyond this machine needs a token, or to be meant", () => {
  expect(() => resolve({ flags: { host: "0.0.0.0" } })).toThrow(/--token SECRET, or --open/);
  expect(resolve({ flags: { host: "0.0.0.0", open: true } }).config.host).toBe("0.0.0.0");
  const token = "0123456789abcdef";
  expect(resolve({ flags: { host: "0.0.0.0", token } }).config.token).toBe(token);
});

test("loopback addresses are told from others", () => {
  expect(["127.0.0.1", "127.1.2.3", "localhost", "::1"].every(isLoopback)).toBe(true);
  expect(["0.0.0.0", "::", "192.168.0.1", "127.evil.test", "example.com"].some(isLoopback)).toBe(
    false,
  );
});

test("every setting says what it is, and can be set from the environment", () => {
  for (const { title, environment } of settings) {
    expect(title).not.toBe("");
    expect(environment).toMatch(/^ZOETROPE_[A-Z]+(_[A-Z]+)*$/);
  }
});

test("settings of several words are written as flags and the environment are", () => {
  const { flag, environment } = settings.find(({ key }) => key === "rtcPorts") ?? {};
  expect([flag, environment]).toEqual(["rtc-ports", "ZOETROPE_RTC_PORTS"]);

  const { config } = resolve({ environment: { ZOETROPE_RTC_PORTS: "5000-5100" } });
  expect(portsOf(config.rtcPorts ?? "")).toEqual({ min: 5000, max: 5100 });
});

test.each([
  ["rtcPorts", "5100-5000"],
  ["rtcPorts", "80-90"],
  ["rtcPorts", "60000-70000"],
  ["rtcAddresses", "example.com"],
  ["ice", "http://example.com"],
  ["ice", "turn:example.com"],
  ["viewers", "0"],
])("%s cannot be %s", (setting, value) => {
  expect(() => resolve({ flags: { [setting]: value } })).toThrow(setting);
});
