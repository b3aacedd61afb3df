import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real browsers, sockets and processes on two busy cores: what fails twice is broken, and so is what fails here.
    retry: process.env["CI"] === undefined ? 0 : 1,
  },
});
