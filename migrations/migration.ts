/** What a migration is. Nothing here imports anything of the house: data outlives code. */

/** A pure step from one schema of a record to the next; of what it has done already it changes nothing. */
export type Up = (record: Record<string, unknown>) => Record<string, unknown>;

export interface Migration {
  /** Its number and what it does, as its file is called. */
  readonly id: string;
  /** The kind of record it is about. */
  readonly kind: string;
  /** The schema that its result has. */
  readonly schema: number;
  /**
   * The oldest schema whose code may read and write the result: versions of both ages may run side by side as long as
   * the older one knows that schema. Equal to `schema` for a change that old code would misread.
   */
  readonly reader: number;
  readonly up: Up;
  /** Records that a batch run leaves alone, because they end by themselves soon. */
  readonly leaves?: (record: Record<string, unknown>) => boolean;
}
