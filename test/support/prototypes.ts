/** After every test file: nothing that was fed in has reached the prototypes that everything shares (SEC-108). */
import { afterAll, expect } from "vitest";

const shared = { Object: Object.prototype, Array: Array.prototype, Function: Function.prototype };
const members = () => Object.entries(shared).map(([name, prototype]) => [name, Reflect.ownKeys(prototype)]);
const before = members();

afterAll(() => {
  expect(members(), "SEC-108 a shared prototype was changed").toEqual(before);
});
