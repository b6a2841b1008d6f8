/** Whose address a request has, and which addresses are one. */
import { describe, expect, it } from "vitest";
import "../../support/prototypes.ts";
import { clientAddress } from "../../../src/http/entrance/address.ts";
import { addressBucket } from "../../../src/store/rate.ts";

describe("SEC-67 the client's address", () => {
  it.each([
    ["nobody is trusted", 0, "1.1.1.1, 2.2.2.2", "9.9.9.9"],
    ["one proxy", 1, "1.1.1.1, 2.2.2.2", "2.2.2.2"],
    ["two proxies", 2, "1.1.1.1, 2.2.2.2", "1.1.1.1"],
    ["more proxies than hops", 3, "1.1.1.1, 2.2.2.2", "9.9.9.9"],
    ["no header", 1, "", "9.9.9.9"],
    ["a proxy that writes ports", 1, "1.1.1.1:1, 2.2.2.2:49152", "2.2.2.2"],
    ["a proxy that writes ports of IPv6", 1, "[2001:db8::1]:49152", "2001:db8::1"],
    ["an IPv6 address without", 1, "2001:db8::1", "2001:db8::1"],
  ])("with %s", (_title, trusted, header, expected) => {
    expect(clientAddress("9.9.9.9", header, trusted)).toBe(expected);
  });
});

describe("SEC-68 addresses of one customer", () => {
  it.each([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0:ffff::"],
    ["2001:0db8:0000:0000::9", "2001:DB8::1"],
    ["fe80::1%eth0", "fe80::2%eth1"],
    ["::1", "0:0:0:0:0:0:0:1"],
  ])("%s and %s are one", (one, other) => {
    expect(addressBucket(one)).toBe(addressBucket(other));
  });

  it.each([
    ["192.0.2.1", "192.0.2.2"],
    ["2001:db8::1", "2001:db8:0:1::1"],
    ["2001:db8:0:1::", "2001:db8:1::"],
    ["::1", "::ffff:0.0.0.1"],
  ])("%s and %s are two", (one, other) => {
    expect(addressBucket(one)).not.toBe(addressBucket(other));
  });
});
