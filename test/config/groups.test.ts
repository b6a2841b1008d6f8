import { afterEach, beforeEach, expect, test } from "vitest";
import { settingsOf } from "../../src/config/groups.ts";
import { type Folder, folder } from "./folder.ts";

let here: Folder;
beforeEach(() => {
  here = folder();
});
afterEach(() => here.remove());

function settingsWith(file: object) {
  const mail = { url: "smtp://127.0.0.1", from: "id@example.com" };
  here.file("latchkey.config.json", { mail, ...file });
  return here.load();
}

test("an account without groups, or with groups that say nothing, has the settings of all", () => {
  const settings = settingsWith({ passwords: { mode: "require" }, recovery: { delay: "1h" } });
  for (const groups of [[], ["staff"]]) {
    const { passwords, recovery } = settingsOf(settings, groups);
    expect(passwords).toMatchObject({ mode: "require", removal: "independent", maxCost: { memory: 64 } });
    expect(recovery).toEqual({
      codes: true,
      pass: true,
      passMax: 86_400_000,
      email: false,
      delay: 3_600_000,
      grace: 604_800_000,
    });
  }
});

test("what a group says counts for its members, also where it is milder", () => {
  const settings = settingsWith({
    passwords: { mode: "require" },
    groups: { guests: { passwords: { mode: "offer" }, recovery: { email: true, grace: "1d" } } },
  });
  const { passwords, recovery } = settingsOf(settings, ["guests"]);
  expect(passwords.mode).toBe("offer");
  expect(recovery).toMatchObject({ email: true, grace: 86_400_000, codes: true });
  expect(settingsOf(settings, ["others"]).passwords.mode).toBe("require");
});

test("of several groups the strictest counts, in whatever order they are named", () => {
  const settings = settingsWith({
    groups: {
      a: {
        passwords: { mode: "require", confirm: "email", removal: "synced" },
        recovery: { email: true, delay: "2h" },
      },
      b: {
        passwords: { mode: "offer", confirm: "pass", removal: "strict" },
        recovery: { email: false, delay: "1h" },
      },
    },
  });
  for (const groups of [
    ["a", "b"],
    ["b", "a"],
  ]) {
    const { passwords, recovery } = settingsOf(settings, groups);
    expect(passwords).toMatchObject({ mode: "require", confirm: "pass", removal: "strict" });
    expect(recovery).toMatchObject({ email: false, delay: 7_200_000 });
  }
});
