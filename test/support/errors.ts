/** What a logger might print of an error and of what caused it, hidden members too. */
export function everythingIn(error: unknown): string {
  const seen: unknown[] = [];
  for (let one = error; one instanceof Error; one = one.cause) {
    seen.push(Object.getOwnPropertyNames(one).map((name) => Reflect.get(one as Error, name)));
  }
  return JSON.stringify(seen);
}
