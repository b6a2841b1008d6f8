import { describe, expect, it } from "vitest";
import { readLibraryForm } from "../../src/view/library-form.ts";

describe("readLibraryForm", () => {
  it("reads the form that asks before signing out", () => {
    const html =
      '<form id="op.logoutForm" method="post" action="http://localhost:3000/session/end/confirm"><input type="hidden" name="xsrf" value="5ec7e7"/></form>';
    expect(readLibraryForm(html)).toEqual({
      action: "http://localhost:3000/session/end/confirm",
      hidden: [{ name: "xsrf", value: "5ec7e7" }],
      userCode: "",
    });
  });

  it("reads the form that asks for a device's code, without its event handler", () => {
    const html = `<form id="op.deviceInputForm" novalidate method="post" action="/device">
  <input type="hidden" name="xsrf" value="5ec7e7"/>
  <input
    value="&quot;&gt;&lt;b&gt;&amp;amp;&#39;" pattern="[0-9]*" inputmode="numeric" type="text" name="user_code" placeholder="Enter code" onfocus="this.select(); this.onfocus = undefined;" autofocus autocomplete="off"></input>
  </form>`;
    expect(readLibraryForm(html)).toEqual({
      action: "/device",
      hidden: [{ name: "xsrf", value: "5ec7e7" }],
      userCode: "\"><b>&amp;'",
    });
  });

  it("reads the form that confirms a device", () => {
    const html = `<form id="op.deviceConfirmForm" method="post" action="/device">
<input type="hidden" name="xsrf" value="5ec7e7"/>
<input type="hidden" name="user_code" value="WDJBMJHT"/>
<input type="hidden" name="confirm" value="yes"/>
</form>`;
    expect(readLibraryForm(html).hidden).toEqual([
      { name: "xsrf", value: "5ec7e7" },
      { name: "user_code", value: "WDJBMJHT" },
      { name: "confirm", value: "yes" },
    ]);
  });

  it.each(["", "<p>x</p>", "<form>", "<script>alert(1)</script>"])("refuses anything else: %j", (html) => {
    expect(() => readLibraryForm(html)).toThrow(TypeError);
  });
});
