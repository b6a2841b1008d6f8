/** The addresses below `/account`, one part for each section of the page. */
import type { Route } from "../route.ts";
import { signOutHere } from "../sign-in.ts";
import { showAccount } from "./home.ts";
import { passkeyRoutes } from "./passkeys.ts";

export const accountRoutes: readonly Route[] = [
  ["get", "/account", showAccount],
  ["post", "/account/sign-out", signOutHere],
  ...passkeyRoutes,
];
