/** Loading `oidc-provider` without the line that it prints meanwhile. Imports nothing, so that it costs nothing. */

/** How many loads are under way; the first one puts the filter in place, the last one takes it away. */
let loading = 0;
let { warn } = console;

/**
 * Loads a module without the line that `oidc-provider` prints on Node.js 20 while it loads: our tests run on 20 too,
 * so the line would only worry people. Every other warning is printed.
 */
export async function withoutNotice<T>(load: () => Promise<T>): Promise<T> {
  if (loading++ === 0) {
    ({ warn } = console);
    console.warn = (...words: unknown[]) => {
      if (!String(words[0]).includes("oidc-provider WARNING: Unsupported runtime")) warn(...words);
    };
  }
  try {
    return await load();
  } finally {
    if (--loading === 0) console.warn = warn;
  }
}
