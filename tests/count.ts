/** Print the closing line of the verification: how many tests ran, from the two runners' reports. */

import { readFileSync } from "node:fs";

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTotalTests: number;
}

const [vitestPath, pytestPath] = process.argv.slice(2);
if (vitestPath === undefined || pytestPath === undefined) {
  throw new Error("usage: node tests/count.ts VITEST_JSON PYTEST_XML");
}

const vitest = JSON.parse(readFileSync(vitestPath, "utf8")) as VitestReport;
const pytest = readFileSync(pytestPath, "utf8");
const inPython = {
  total: attribute(pytest, "tests"),
  failed: attribute(pytest, "failures") + attribute(pytest, "errors"),
  skipped: attribute(pytest, "skipped"),
};
if (vitest.numTotalTests === 0 || inPython.total === 0) {
  throw new Error("a runner reported no tests");
}

const passedInPython = inPython.total - inPython.failed - inPython.skipped;
const failed = vitest.numFailedTests + inPython.failed;
const skipped = vitest.numPendingTests + inPython.skipped;
console.log(`${vitest.numPassedTests} in TypeScript, ${passedInPython} in Python`);
console.log(
  `tests: ${vitest.numPassedTests + passedInPython} passed, ${failed} failed, ${skipped} skipped`,
);

/** A count of the first test suite in a JUnit report; 0 when it does not say. */
function attribute(report: string, name: string): number {
  return Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(report)?.[1] ?? 0);
}
