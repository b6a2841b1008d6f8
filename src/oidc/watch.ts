/** What the library tells of tokens and errors, for who counts them. */
import type Provider from "oidc-provider";

export interface Watcher {
  /** A token request was answered with tokens; the grant type is what the app sent. */
  issued(grant: unknown): void;
  /** An app was given an OAuth error. */
  failed(endpoint: "authorization" | "token" | "userinfo", error: unknown): void;
}

export function watch(provider: Provider, { issued, failed }: Watcher): void {
  provider.on("grant.success", (ctx) => issued(ctx.oidc.params?.grant_type));
  provider.on("grant.error", (_ctx, { error }) => failed("token", error));
  provider.on("authorization.error", (_ctx, { error }) => failed("authorization", error));
  provider.on("userinfo.error", (_ctx, { error }) => failed("userinfo", error));
}
