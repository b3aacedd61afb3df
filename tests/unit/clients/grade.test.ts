import { expect, test } from "vitest";
import { gradeOf, type QualityFacts } from "../../../clients/web/grade.ts";

const WELL: QualityFacts = {
  nominalRate: 30,
  madeRate: 30,
  drawnRate: 30,
  loss: 0,
  roundTrip: 20,
  isReduced: false,
  skippedByServer: 0,
  lostHere: 0,
  freezes: 0,
};

test.each<[string, Partial<QualityFacts>, ReturnType<typeof gradeOf>]>([
  ["all is well", {}, { grade: "good", limit: undefined }],
  ["paused", { madeRate: undefined, drawnRate: 0 }, { grade: "good", limit: undefined }],
  ["a slow model", { madeRate: 24, drawnRate: 24 }, { grade: "fair", limit: "server" }],
  ["a very slow model", { madeRate: 10, drawnRate: 10 }, { grade: "poor", limit: "server" }],
  ["some loss", { loss: 0.04 }, { grade: "fair", limit: "loss" }],
  ["much loss", { loss: 0.2, drawnRate: 12, freezes: 3 }, { grade: "poor", limit: "loss" }],
  ["a lower rung", { isReduced: true }, { grade: "fair", limit: "bandwidth" }],
  ["skipped", { skippedByServer: 12, drawnRate: 16 }, { grade: "poor", limit: "bandwidth" }],
  ["far away", { roundTrip: 180 }, { grade: "fair", limit: "distance" }],
  ["a slow decoder", { lostHere: 9, drawnRate: 16 }, { grade: "poor", limit: "decoder" }],
  ["one late frame", { lostHere: 1 }, { grade: "good", limit: undefined }],
  ["held back on the way", { drawnRate: 22 }, { grade: "fair", limit: "bandwidth" }],
])("%s", (_name, facts, quality) => {
  expect(gradeOf({ ...WELL, ...facts })).toEqual(quality);
});
