/** People and voices that training never met, made by the program that drew its data. */

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Somebody to play. */
export interface Candidate {
  /** PNG. */
  readonly picture: Buffer;
  /** What they say: int16, little-endian, 16 kHz, mono. */
  readonly sound: Buffer;
  /** How far the mouth is open in each frame. */
  readonly opening: readonly number[];
  /** The same as the probe reads it from true pictures. */
  readonly readFromTruth: readonly number[];
}

const WAV_HEADER = 44;

/** Make `people`, each of whom speaks for `seconds`. @throws {Error} when the program fails. */
export async function audition(people: number, seconds: number): Promise<readonly Candidate[]> {
  const folder = await mkdtemp(join(tmpdir(), "zoetrope-audition-"));
  try {
    await run(["--folder", folder, "--people", `${people}`, "--seconds", `${seconds}`]);
    const described = JSON.parse(await readFile(join(folder, "audition.json"), "utf8")) as {
      people: (Omit<Candidate, "picture" | "sound"> & { picture: string; sound: string })[];
    };
    return await Promise.all(
      described.people.map(async ({ picture, sound, ...rest }) => ({
        ...rest,
        picture: await readFile(join(folder, picture)),
        sound: (await readFile(join(folder, sound))).subarray(WAV_HEADER),
      })),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(flags: readonly string[]): Promise<void> {
  const child = spawn("bash", ["training/run", "avatar", "audition", ...flags], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`\`training/run avatar audition\` ended with ${code}`);
}
