/**
 * The elements of one array of a JSON document, one by one, however long the document is: `users` of a realm that has
 * a million of them. Only the element at hand is held.
 */

/** A longer element is skipped. */
const LONGEST = 1024 * 1024;

export interface Element {
  /** The line it begins on. */
  line: number;
  /** Nothing for one that is too long. */
  text: string | undefined;
}

/** The members of the top-level array called `name`; elements that are no objects are passed over. */
export async function* elementsOf(stream: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Element> {
  const scanner = new Scanner(name);
  const utf8 = new TextDecoder("utf-8");
  for await (const chunk of stream) yield* scanner.read(utf8.decode(chunk, { stream: true }));
}

/** Walks through the text and knows where it is: how deep, and whether within a string. */
class Scanner {
  readonly #name: string;
  #line = 1;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The last string at depth 1, and whether the array under it is ours. */
  #string = "";
  #within = false;
  #element: { line: number; text: string } | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  *read(text: string): Generator<Element> {
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const letter = text[at] as string;
      if (letter === "\n") this.#line++;
      if (this.#inString) this.#string_(letter);
      else if (letter === '"') this.#begin();
      else if (letter === "{" || letter === "[") {
        if (this.#within && this.#depth === 2 && letter === "{") {
          this.#element = { line: this.#line, text: "" };
          from = at;
        }
        this.#open(letter);
      } else if (letter === "}" || letter === "]") {
        this.#depth--;
        if (this.#depth === 2 && this.#element) yield this.#end(text.slice(from, at + 1));
        if (this.#depth === 1) this.#within = false;
      }
    }
    this.#hold(text.slice(from));
  }

  #begin(): void {
    this.#inString = true;
    if (this.#depth === 1) this.#string = "";
  }

  #string_(letter: string): void {
    if (this.#depth === 1 && letter !== '"' && this.#string.length < 64) this.#string += letter;
    if (this.#escaped) this.#escaped = false;
    else if (letter === "\\") this.#escaped = true;
    else if (letter === '"') this.#inString = false;
  }

  #open(letter: string): void {
    if (this.#depth === 1 && letter === "[") this.#within = this.#string === this.#name;
    this.#depth++;
  }

  #hold(rest: string): void {
    if (this.#element && this.#element.text.length <= LONGEST) this.#element.text += rest;
  }

  #end(rest: string): Element {
    this.#hold(rest);
    const { line, text } = this.#element ?? { line: this.#line, text: "" };
    this.#element = undefined;
    return { line, text: text.length > LONGEST ? undefined : text };
  }
}
