/** Whose address a request comes from, behind proxies too. */

/**
 * The client's address: of the list that proxies made, the entry that the outermost trusted one wrote. Without trusted
 * proxies the headers are whatever the client likes, and do not count.
 */
export function clientAddress(peer: string, forwardedFor: string, trustedProxies: number): string {
  if (trustedProxies === 0) return peer;
  const hop = forwardedFor.split(",").at(-trustedProxies);
  return (hop && withoutPort(hop.trim())) || peer;
}

/** Some proxies write the client's port too, which is another one for each connection. */
function withoutPort(hop: string): string {
  return hop.replace(/^\[([^\]]*)\](?::\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
