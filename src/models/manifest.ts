import type { z } from "zod";
import { StreamError } from "../core/errors.ts";
import { brokenRule } from "./manifest-rules.ts";
import { type Manifest, manifestSchema } from "./manifest-schema.ts";

export type { GraphRole, Manifest } from "./manifest-schema.ts";

/**
 * Check parsed JSON against the schema and the rules between its parts.
 *
 * @throws {StreamError} `package_invalid` naming the first offending key and its path.
 */
export function parseManifest(json: unknown): Manifest {
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw refusal(parsed.error);
  const manifest: Manifest = parsed.data;
  const broken = brokenRule(manifest);
  if (broken !== undefined) throw invalid(broken.path, broken.message);
  return manifest;
}

const invalid = (at: string, message: string): StreamError =>
  new StreamError("package_invalid", `manifest.json: \`${at}\` ${message}`, {
    detail: { file: "manifest.json", path: at },
  });

function refusal(error: z.ZodError): StreamError {
  const [issue] = error.issues;
  if (issue === undefined) return invalid("", "is not a manifest");
  const at = pathOf(issue.path);
  if (issue.code !== "unrecognized_keys")
    return invalid(at === "" ? "(root)" : at, `: ${issue.message}`);
  const [key = ""] = issue.keys;
  const whole = pathOf([...issue.path, key]);
  return invalid(whole, `is an unknown key: remove it, or check its spelling`);
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === "number"
        ? `${text}[${part}]`
        : `${text}${text === "" ? "" : "."}${String(part)}`,
    "",
  );
