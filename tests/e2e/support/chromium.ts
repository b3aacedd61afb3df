import { type Browser, chromium } from "playwright-core";

/** What a browser does on the side and no test looks at: costly where there are few cores. */
const IDLE_FEATURES = [
  "AimEnabled",
  "DestroyProfileOnBrowserClose",
  "HttpsUpgrades",
  "LensOverlay",
  "MediaRouter",
  "NetworkTimeServiceQuerying",
  "OptimizationGuideOnDeviceModel",
  "OptimizationHints",
  "PaintHolding",
  "PreconnectToSearch",
  "PreloadTopChromeWebUI",
  "Translate",
  // Pages that a test puts in count as foreign to this machine.
  "LocalNetworkAccessChecks",
];

/** Debian's Chromium without a window; root may not sandbox. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", `--disable-features=${IDLE_FEATURES.join(",")}`],
  });
