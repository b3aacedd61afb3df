import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { loadPackage } from "../../../src/models/package.ts";
import { findModels } from "../../../src/server/models.ts";
import { TINY_PACKAGES } from "../../support/oracle.ts";
import { FIXTURES } from "../../support/service.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zoetrope-models-"));
  return () => {
    rmSync(folder, { recursive: true });
  };
});

test("packages are found in a folder of packages, and where the folder is one itself", async () => {
  const all = await findModels([FIXTURES], loadPackage);
  const one = await findModels([join(FIXTURES, "tiny-fused")], loadPackage);

  expect(all.offered.map(({ id }) => id)).toEqual(TINY_PACKAGES.toSorted());
  expect(all.refused).toEqual([]);
  expect(one.offered.map(({ id }) => id)).toEqual(["tiny-fused"]);
});

test("a package that is not valid is kept out with the reason, and keeps no other out", async () => {
  cpSync(join(FIXTURES, "tiny-fused"), join(folder, "broken"), { recursive: true });
  cpSync(join(FIXTURES, "tiny-separable"), join(folder, "whole"), { recursive: true });
  writeFileSync(join(folder, "broken", "decoder.onnx"), "not a graph");

  const { offered, refused } = await findModels([folder], loadPackage);

  expect(offered.map(({ id }) => id)).toEqual(["tiny-separable"]);
  expect(refused).toHaveLength(1);
  expect(refused[0]?.path).toBe(join(folder, "broken"));
  expect(refused[0]?.error.code).toMatch(/^package_/);
});

test("the second package with an id is refused, naming the first", async () => {
  cpSync(join(FIXTURES, "tiny-fused"), join(folder, "copy"), { recursive: true });

  const { offered, refused } = await findModels(
    [join(FIXTURES, "tiny-fused"), folder],
    loadPackage,
  );

  expect(offered).toHaveLength(1);
  expect(refused[0]?.error.message).toContain(join(FIXTURES, "tiny-fused"));
});

test("a folder named twice counts once", async () => {
  const { offered, refused } = await findModels([FIXTURES, FIXTURES], loadPackage);

  expect([offered.length, refused.length]).toEqual([TINY_PACKAGES.length, 0]);
});

test("a folder that is not there is a mistake of the configuration, and says what to do", async () => {
  const nowhere = join(folder, "nowhere");
  const file = join(folder, "file");
  writeFileSync(file, "");
  const refusal = (reason: string) => ({
    code: "config_invalid",
    message: expect.stringMatching(`${reason}.*--models`) as string,
  });

  await expect(findModels([nowhere], loadPackage)).rejects.toMatchObject(
    refusal(`there is no models folder ${nowhere}`),
  );
  await expect(findModels([file], loadPackage)).rejects.toMatchObject(
    refusal(`the models folder ${file} is a file`),
  );
});
