/** The addresses below `/account`, one part for each section of the page. */
import type { Route } from "../page/route.ts";
import { signOutHere } from "../sign-in/session.ts";
import { appRoutes } from "./apps.ts";
import { coachRoutes } from "./coach.ts";
import { deletionRoutes } from "./deletion.ts";
import { exportRoutes } from "./export.ts";
import { showAccount } from "./home.ts";
import { passkeyRoutes } from "./passkeys.ts";
import { passwordRoutes } from "./password.ts";
import { profileRoutes } from "./profile.ts";
import { recoveryRoutes } from "./recovery.ts";
import { recoveryCodeRoutes } from "./recovery-codes.ts";
import { sessionRoutes } from "./sessions.ts";

export const accountRoutes: readonly Route[] = [
  ["get", "/account", showAccount],
  ["post", "/account/sign-out", signOutHere],
  ...passkeyRoutes,
  ...coachRoutes,
  ...passwordRoutes,
  ...recoveryCodeRoutes,
  ...sessionRoutes,
  ...appRoutes,
  ...recoveryRoutes,
  ...profileRoutes,
  ...exportRoutes,
  ...deletionRoutes,
];
