import rxjs from "eslint-plugin-rxjs-x";
import tseslint from "typescript-eslint";

/** Globals that hide time, chance or the environment, and the one folder where each may be used. */
const timeAndChance = [
  { name: "performance", message: "Take a Clock (src/core/clock.ts)." },
  { name: "process", message: "Only src/server and the engine's child entry read the process." },
];

export default tseslint.config(
  { ignores: ["**/dist/**", "node_modules/**", "clients/examples/**"] },
  ...tseslint.configs.strictTypeChecked,
  rxjs.configs.strict,
  {
    languageOptions: {
      parserOptions: {
        project: ["./tsconfig.json", "./tsconfig.browser.json", "./tsconfig.e2e.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "rxjs-x/no-sharereplay-before-takeuntil": "error",
      complexity: ["error", 12],
      "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["src/{core,protocol,cache,models,media,stream,transport}/**/*.ts"],
    ignores: ["src/core/clock.ts", "src/stream/engine/host.ts"],
    rules: {
      "no-restricted-globals": ["error", ...timeAndChance],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random" },
        { object: "Date", property: "now" },
      ],
    },
  },
  {
    files: ["tests/**/*.ts", "bench/**/*.ts"],
    rules: { "max-lines-per-function": "off" },
  },
);
