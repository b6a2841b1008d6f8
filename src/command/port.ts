/** Why the server cannot listen, and the remedy: the commonest trouble of a first start. */
const WAYS_OUT = "choose another with LATCHKEY_PORT, or LATCHKEY_ADMIN_PORT where it is the operators' one";

/** Nothing for any other error. */
export function whyNoPort(error: unknown): string | undefined {
  const { code, syscall, address, port } = (error ?? {}) as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  if (syscall !== "listen") return undefined;
  if (code === "EADDRINUSE") return `Port ${port} of ${address} is taken (${code}): ${WAYS_OUT}.`;
  if (code === "EACCES") return `Port ${port} of ${address} is not ours to open (${code}): ${WAYS_OUT}.`;
  return undefined;
}
