/** Values of settings as they may be shown. */

/** A text as it can be printed: control characters escaped, never longer than a line. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

/** An address as it may be shown: users and passwords are replaced. */
export function maskAddress(address: string): string {
  return address.replace(/\/\/[^/]*@/, "//***@").replace(/([?&]\w*password=)[^&]*/gi, "$1***");
}
