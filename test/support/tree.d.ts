/**
 * Copies the project as a fresh clone would have it, uncommitted work included, into an existing empty folder: nothing
 * built, no data. What `npm ci` would install is linked.
 */
export function copyTree(folder: string): void;
