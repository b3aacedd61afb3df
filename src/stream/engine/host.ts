/** Entry of the engine process. */

import { enableCompileCache } from "node:module";

// A replaced engine is back sooner when its code is not compiled anew.
enableCompileCache();
const { serve } = await import("./serve.ts");
serve(process);
