/** Answers that are kept for the few texts which come again and again, as browsers send the same headers. */

/** How many texts are known at once; past that all are forgotten, which is cheaper than to know which came last. */
const MOST = 200;
/** A longer text is worked out each time: nobody fills the memory with headers of his own. */
const LONGEST = 300;

/**
 * The same function, which works out the same text once.
 *
 * @param work - gives for a text always the same
 */
export function remembered<T>(work: (text: string) => T): (text: string) => T {
  const known = new Map<string, { answer: T }>();
  return function recall(text) {
    const found = known.get(text);
    if (found) return found.answer;
    const answer = work(text);
    if (text.length > LONGEST) return answer;
    if (known.size >= MOST) known.clear();
    known.set(text, { answer });
    return answer;
  };
}
