import { loadPackage } from "../../models/package.ts";
import { startEngine } from "../../stream/engine/supervisor.ts";
import type { RawConfig } from "../config.ts";
import { examine, type Finding } from "../doctor.ts";
import { configOf } from "./options.ts";
import { EXIT, faint, green, print, red, yellow } from "./output.ts";

const MARKS: Readonly<Record<Finding["verdict"], string>> = {
  ok: green("ok  "),
  warn: yellow("warn"),
  fail: red("fail"),
};
const NAME_WIDTH = 16;

/**
 * `zoetrope doctor`: exit code 1 when the server would not work.
 *
 * @throws {StreamError} `config_invalid`.
 */
export async function doctor(flags: RawConfig): Promise<void> {
  const { config } = configOf(flags);
  const findings: Finding[] = [];
  for await (const finding of examine({ config, load: loadPackage, startEngine })) {
    findings.push(finding);
    if (flags["json"] !== true) show(finding);
  }
  if (flags["json"] === true) print(JSON.stringify({ findings }, null, 2));
  if (findings.some(({ verdict }) => verdict === "fail")) process.exitCode = EXIT.failed;
}

function show({ name, verdict, detail, advice }: Finding): void {
  const line = detail.replace(/\s+/g, " ").trim();
  print(`${MARKS[verdict]}  ${name.padEnd(NAME_WIDTH)}  ${line}`);
  if (advice !== undefined) print(faint(`${" ".repeat(NAME_WIDTH + 8)}→ ${advice}`));
}
