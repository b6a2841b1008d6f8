/** The sources of a release, in either of apt's two forms, made to lead to the stable one. */
export function derived(text: string, release: string): string[];
