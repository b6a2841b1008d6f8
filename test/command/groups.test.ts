import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Operator, operator } from "./operator.ts";

describe("groups", () => {
  let admin: Operator;
  beforeAll(async () => {
    admin = operator();
    const people = ["ada", "ben", "cleo"].map((username) => JSON.stringify({ username, groups: ["crew"] }));
    writeFileSync(join(admin.cwd, "people.jsonl"), people.join("\n"));
    await admin.run("accounts", "import", "people.jsonl");
  });
  afterAll(() => admin.remove());
  const groups = async (...words: string[]) => {
    const { json } = await admin.run("groups", ...words, "--json");
    return json() as Record<string, unknown>;
  };
  const names = ({ members }: Record<string, unknown>) =>
    (members as { username: string }[]).map(({ username }) => username);

  it("lists what was made, what somebody is in, and the administrators", async () => {
    await groups("add", "staff");
    expect(await groups("list")).toEqual([
      { name: "administrators", members: 0 },
      { name: "crew", members: 3 },
      { name: "staff", members: 0 },
    ]);
  });

  it("lets accounts join and leave, several at once, and a repeat does nothing", async () => {
    for (let n = 0; n < 2; n++) {
      const now = await groups("members", "staff", "--add", "ada", "--add", "ben", "--remove", "cleo");
      expect(names(now)).toEqual(["ada", "ben"]);
    }
    expect(names(await groups("members", "staff", "--remove", "ben"))).toEqual(["ada"]);
  });

  it("changes nothing when one of them is nobody, or the name is no group's", async () => {
    expect(await groups("members", "staff", "--add", "cleo", "--add", "nobody")).toMatchObject({
      code: "account_unknown",
    });
    expect(names(await groups("members", "staff"))).toEqual(["ada"]);
    expect(await groups("add", "a/b")).toMatchObject({ code: "group_invalid" });
  });

  it("a group that is removed leaves nobody in it; the administrators stay", async () => {
    expect((await admin.run("groups", "remove", "crew")).code).toBe(2);
    expect(await groups("remove", "crew", "--yes")).toEqual({ name: "crew", left: 3 });
    expect((await admin.run("accounts", "show", "ben", "--json")).json()).toMatchObject({ groups: [] });
    expect((await admin.run("groups", "remove", "administrators", "--yes")).code).toBe(2);
  });
});
