/** Many calls, a few at a time: an answer that has to wait behind a thousand others comes too late. */
export async function inPortions<T, R>(
  all: readonly T[],
  call: (one: T) => Promise<R>,
  portion = 100,
): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += portion)
    results.push(...(await Promise.all(all.slice(at, at + portion).map(call))));
  return results;
}
