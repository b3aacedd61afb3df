/** Addresses of the scripts that the SDK runs off the page's thread: beside the page. */
export const scripts = () => ({
  workerUrl: new URL("decode-worker.js", document.baseURI),
  workletUrl: new URL("sound-worklet.js", document.baseURI),
});
