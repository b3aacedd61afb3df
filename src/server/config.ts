/** Everything that is decided at start-up: schema, defaults, and where each value came from. */

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { StreamError } from "../core/errors.ts";
import { isIceServer } from "./ice-servers.ts";

/** Folder of the packages that ship. */
const SHIPPED_MODELS = fileURLToPath(new URL("../../models", import.meta.url));

/** Exit code of a process that was configured wrongly (`EX_CONFIG` of BSD's sysexits). */
export const EXIT_CONFIG = 78;

const seconds = (low: number, high: number) => z.number().min(low).max(high);

const configSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .max(255)
    .default("127.0.0.1")
    .meta({ title: "Address to listen on", placeholder: "ADDRESS" }),
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8080)
    .meta({ title: "Port to listen on; 0 picks a free one", placeholder: "PORT" }),
  models: z
    .array(z.string().min(1))
    .min(1)
    .max(64)
    .default([SHIPPED_MODELS])
    .meta({ title: "Folders with model packages", placeholder: "FOLDER" }),
  preload: z
    .array(z.string().min(1).max(64))
    .max(64)
    .optional()
    .meta({ title: "Models to load at start; the first valid one when absent", placeholder: "ID" }),
  provider: z
    .enum(["auto", "cpu", "webgpu", "cuda"])
    .default("auto")
    .meta({ title: "Where inference runs", placeholder: "NAME" }),
  threads: z.number().int().min(1).max(64).optional().meta({
    title: "Threads of one inference call; the package's own advice when absent",
    placeholder: "N",
  }),
  deadline: seconds(0.1, 600).default(10).meta({
    title: "A call to the engine that takes longer means it hangs",
    unit: "seconds",
    placeholder: "SECONDS",
  }),
  sessions: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(4)
    .meta({ title: "Most sessions at once; more are told to come back later", placeholder: "N" }),
  sessionRate: z.number().int().min(0).max(60_000).default(60).meta({
    title: "Most sessions that one address may open in a minute; 0 for any number",
    placeholder: "N",
  }),
  idle: seconds(1, 86_400).default(900).meta({
    title: "A session ends after this long without any input",
    unit: "seconds",
    placeholder: "SECONDS",
  }),
  longest: seconds(1, 604_800).default(86_400).meta({
    title: "A session ends after this long in any case",
    unit: "seconds",
    placeholder: "SECONDS",
  }),
  grace: seconds(1, 3600).default(30).meta({
    title: "A session waits this long for its lost client to come back",
    unit: "seconds",
    placeholder: "SECONDS",
  }),
  origins: z
    .array(z.url({ protocol: /^https?$/ }))
    .max(64)
    .default([])
    .meta({ title: "Origins of other pages that may use this server", placeholder: "URL" }),
  token: z
    .string()
    .min(16)
    .max(256)
    .regex(/^[A-Za-z0-9._~-]+$/, "letters, digits and . _ ~ -")
    .optional()
    .meta({ title: "Secret that every client must present", placeholder: "SECRET" }),
  viewers: z.number().int().min(1).max(10_000).default(64).meta({
    title: "Most WebRTC viewers at once, of all sessions together",
    placeholder: "N",
  }),
  ice: z
    .array(
      z
        .string()
        .max(1024)
        .refine(isIceServer, "stun:HOST:PORT or turn:HOST:PORT?user=NAME&credential=SECRET"),
    )
    .max(8)
    .default([])
    .meta({
      title: "STUN and TURN servers for WebRTC; none is asked when absent",
      placeholder: "SERVER",
    }),
  rtcAddresses: z
    .array(z.string().refine((address) => isIP(address) !== 0, "a numeric address"))
    .min(1)
    .max(16)
    .optional()
    .meta({
      title: "Addresses that WebRTC clients are told; those listened on when absent",
      placeholder: "ADDRESS",
    }),
  rtcPorts: z
    .string()
    .refine((range) => portsOf(range) !== undefined, "MIN-MAX, both from 1024 to 65535")
    .optional()
    .meta({ title: "Ports of WebRTC; any when absent", placeholder: "MIN-MAX" }),
  rtcTcp: z
    .boolean()
    .default(false)
    .meta({ title: "Listen on TCP too, for WebRTC clients that UDP does not reach" }),
  rtcCandidates: z.enum(["drop", "refuse"]).default("drop").meta({
    title:
      "What happens to candidates of clients that point into networks this server does not serve",
    placeholder: "NAME",
  }),
  publishTo: z
    .array(z.url({ protocol: /^https?$/ }))
    .max(64)
    .default([])
    .meta({
      title: "Origins of servers that sessions may be published to (WHIP); none when absent",
      placeholder: "URL",
    }),
  recordings: z.string().min(1).max(4096).optional().meta({
    title: "Folder where recordings are kept; they go with the server when absent",
    placeholder: "FOLDER",
  }),
  recordingSize: z.number().int().min(1).max(1_048_576).default(1024).meta({
    title: "A recording is finished once it is this large",
    unit: "MiB",
    placeholder: "MIB",
  }),
  recordingCount: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(16)
    .meta({ title: "Most recordings and clips that are kept", placeholder: "N" }),
  clips: seconds(0, 30).default(0).meta({
    title: "Keep this much of every session in memory, for clips; 0 keeps nothing",
    unit: "seconds",
    placeholder: "SECONDS",
  }),
  clipFormat: z
    .enum(["mp4", "webm"])
    .default("mp4")
    .meta({ title: "Container of clips", placeholder: "NAME" }),
  open: z.boolean().default(false).meta({ title: "Listen beyond this machine without a token" }),
  log: z
    .enum(["error", "warn", "info", "debug"])
    .default("info")
    .meta({ title: "Least severe lines that are logged", placeholder: "LEVEL" }),
});

/** The ports that `range` names, both ends included; undefined when it is no range. */
export function portsOf(range: string): { readonly min: number; readonly max: number } | undefined {
  const [, low, high] = /^(\d{4,5})-(\d{4,5})$/.exec(range) ?? [];
  const [min, max] = [Number(low), Number(high)];
  return min >= 1024 && min <= max && max <= 65_535 ? { min, max } : undefined;
}

/** A start-up configuration. */
export type Config = z.output<typeof configSchema>;
/** A value as it was written, before it is checked: text from flags and the environment, JSON from a file. */
export type RawConfig = Readonly<Record<string, unknown>>;
/** Where a value came from. */
type ConfigSource = "flag" | "environment" | "file" | "default";

/** A configuration, and where each of its values came from. */
export interface ResolvedConfig {
  readonly config: Config;
  readonly sources: Readonly<Record<keyof Config, ConfigSource>>;
}

/** One setting, as flags and the environment name it. */
export interface Setting {
  readonly key: keyof Config;
  /** As the command line names it, without the dashes in front. */
  readonly flag: string;
  readonly kind: "text" | "number" | "list" | "switch";
  readonly title: string;
  readonly placeholder: string;
  /** As a person would write it; undefined when the setting has none. */
  readonly default: string | undefined;
  readonly environment: string;
}

interface SettingSchema {
  readonly type?: string;
  readonly title?: string;
  readonly placeholder?: string;
  readonly default?: string | number | boolean | readonly string[];
}

const KINDS: Readonly<Record<string, Setting["kind"]>> = {
  integer: "number",
  number: "number",
  array: "list",
  boolean: "switch",
};

/** `rtcPorts` with its words joined. */
const joined = (key: string, by: string): string => key.replaceAll(/[A-Z]/g, (word) => by + word);

/** Every setting there is. */
export const settings: readonly Setting[] = Object.entries(
  z.toJSONSchema(configSchema, { io: "input" }).properties ?? {},
).map(([key, property]) => {
  const schema = property as SettingSchema;
  const shown = schema.default === undefined ? "" : String(schema.default);
  return {
    key: key as keyof Config,
    flag: joined(key, "-").toLowerCase(),
    kind: KINDS[schema.type ?? ""] ?? "text",
    title: schema.title ?? key,
    placeholder: schema.placeholder ?? "VALUE",
    default: shown === "" ? undefined : shown,
    environment: `ZOETROPE_${joined(key, "_").toUpperCase()}`,
  };
});

/** Where values may come from, strongest first: flags, environment, file. */
export interface ConfigInput {
  readonly flags: RawConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file; `ZOETROPE_CONFIG` when absent, none when that is absent too. */
  readonly file?: string | undefined;
}

/**
 * Join flags, environment, file and defaults, in that order of strength, and check the result.
 *
 * @throws {StreamError} `config_invalid` naming the value, where it came from and what it may be.
 */
export function resolveConfig({ flags, environment, file }: ConfigInput): ResolvedConfig {
  const layers: readonly (readonly [ConfigSource, RawConfig])[] = [
    ["file", readConfigFile(file ?? environment["ZOETROPE_CONFIG"])],
    ["environment", fromEnvironment(environment)],
    ["flag", fromText(flags)],
  ];
  const values: Record<string, unknown> = {};
  const sources: Record<string, ConfigSource> = {};
  for (const { key } of settings) sources[key] = "default";
  for (const [source, layer] of layers) {
    for (const [key, value] of Object.entries(layer)) {
      values[key] = value;
      sources[key] = source;
    }
  }
  const parsed = configSchema.safeParse(values);
  if (!parsed.success) throw invalid(parsed.error, sources);
  checkExposure(parsed.data);
  return { config: parsed.data, sources: sources as ResolvedConfig["sources"] };
}

/** Whether only this machine can reach `host`. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

function checkExposure({ host, token, open }: Config): void {
  if (isLoopback(host) || token !== undefined || open) return;
  throw new StreamError(
    "config_invalid",
    `listening on ${host} lets everybody who reaches this machine use it: give --token SECRET, or --open if that is meant`,
    { detail: { setting: "host" } },
  );
}

function readConfigFile(path: string | undefined): RawConfig {
  if (path === undefined) return {};
  try {
    return JSON.parse(readFileSync(path, "utf8")) as RawConfig;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StreamError("config_invalid", `cannot read the configuration file ${path}: ${why}`, {
      cause,
    });
  }
}

const fromEnvironment = (environment: ConfigInput["environment"]): RawConfig =>
  fromText(
    Object.fromEntries(
      settings
        .map((setting) => [setting.key, environment[setting.environment]] as const)
        .filter(([, value]) => value !== undefined && value !== ""),
    ),
  );

/** Give text the type its setting has; what cannot be converted stays text, for the schema to refuse. */
const fromText = (values: RawConfig): RawConfig =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, typeof value === "string" ? converted(key, value) : value]),
  );

function converted(key: string, text: string): unknown {
  switch (settings.find((setting) => setting.key === key)?.kind) {
    case "number":
      return text.trim() === "" ? text : Number.isNaN(Number(text)) ? text : Number(text);
    case "list":
      return text.split(",").map((part) => part.trim());
    case "switch":
      return text === "true" || text === "1"
        ? true
        : text === "false" || text === "0"
          ? false
          : text;
    default:
      return text;
  }
}

function invalid(error: z.ZodError, sources: Readonly<Record<string, ConfigSource>>): StreamError {
  const [issue] = error.issues;
  if (issue?.code === "unrecognized_keys") {
    const known = settings.map(({ key }) => key).join(", ");
    return new StreamError(
      "config_invalid",
      `there is no setting \`${issue.keys[0] ?? ""}\`; there are: ${known}`,
    );
  }
  const key = String(issue?.path[0] ?? "");
  const where = sources[key] ?? "default";
  return new StreamError(
    "config_invalid",
    `setting \`${key}\` (from the ${where}): ${issue?.message ?? "invalid"}`,
    { detail: { setting: key } },
  );
}
