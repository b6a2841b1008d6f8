/** An authorization code against tokens on the short way (OpenID Connect Core, section 3.1.3). */
import { hash, timingSafeEqual } from "node:crypto";
import type { AdapterPayload } from "oidc-provider";
import { epoch } from "../../clock.ts";
import { randomText } from "../../random.ts";
import { fingerprint, newVersion } from "../../store/record.ts";
import type { Store, Stored } from "../../store/store.ts";
import { isOpenTo } from "../access.ts";
import { lifetime } from "../adapter.ts";
import { ACCESS_TOKEN_SECONDS, ID_TOKEN_SECONDS } from "../lifetimes.ts";
import { ALGORITHM, type SignIdToken } from "./id-token.ts";
import {
  accountOf,
  CODE,
  type Issued,
  isOrdinary,
  type LibraryClient,
  recordOf,
  type ShortWayDependencies,
  standing,
} from "./ordinary.ts";

export interface RedeemDependencies extends ShortWayDependencies {
  /** Absent without a key for {@link ALGORITHM}: then every code is the library's. */
  signIdToken: SignIdToken | undefined;
  /** Whether the library would issue a refresh token beside. */
  issuesRefreshToken(client: LibraryClient, scopes: ReadonlySet<string>): boolean;
}

export interface Redemption {
  code: string;
  redirectUri: string;
  verifier: string;
}

/** A token response (RFC 6749, section 5.1). */
export interface Tokens {
  access_token: string;
  expires_in: number;
  id_token: string;
  scope: string;
  token_type: "Bearer";
}

/** `lost`: somebody else was faster with the same code, and it is theirs. */
export type Redeemed = Tokens | "lost";

type Code = AdapterPayload & Issued;

/**
 * Redeems a code for the client that has proved itself, or gives `undefined` before anything was written: the library's
 * to answer. The access token is written while the code is consumed; where that is lost, nobody ever learns the token.
 *
 * @throws what the store says after something may have been written; then nothing else may answer
 */
export async function redeem(
  d: RedeemDependencies,
  client: LibraryClient,
  asked: Redemption,
): Promise<(() => Promise<Redeemed>) | undefined> {
  const now = epoch(d.clock);
  const { signIdToken } = d;
  const stored = await recordOf(d.store, "code", asked.code);
  const code = stored?.value;
  if (!stored || !isOrdinary(code, "AuthorizationCode", CODE, now) || !isAskedFor(code, client, asked))
    return undefined;
  const scopes = new Set(code.scope.split(" "));
  if (!signIdToken || !scopes.has("openid") || d.issuesRefreshToken(client, scopes)) return undefined;
  const [account, scope] = await Promise.all([accountOf(d, code), standing(d, code, now)]);
  if (account?.accountId !== code.accountId || scope === undefined) return undefined;
  if (!isOpenTo({}, client, account)) return undefined;
  const granted = { ...code, scope };
  return async () => {
    const token = await exchange(d.store, asked.code, stored, granted, now);
    if (token === undefined) return "lost";
    return {
      access_token: token,
      expires_in: ACCESS_TOKEN_SECONDS,
      id_token: signIdToken(idToken(d.provider.issuer, granted, now)),
      scope,
      token_type: "Bearer",
    };
  };
}

/** The code is this client's, for this address, and the verifier is the one of its challenge (RFC 7636, section 4.6). */
function isAskedFor(code: Code, client: LibraryClient, asked: Redemption): boolean {
  return (
    client.clientId === code.clientId &&
    client.grantTypeAllowed("authorization_code") &&
    client.subjectType === "public" &&
    client.idTokenSignedResponseAlg === ALGORITHM &&
    code.redirectUri === asked.redirectUri &&
    code.expiresWithSession === true &&
    code.codeChallengeMethod === "S256" &&
    isEqual(code.codeChallenge ?? "", hash("sha256", asked.verifier, "base64url"))
  );
}

function isEqual(left: string, right: string): boolean {
  return left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right));
}

/** Consumes the code; the access token, or `undefined` when the code was somebody else's. */
async function exchange(
  store: Store,
  value: string,
  stored: Stored<AdapterPayload>,
  code: Code,
  now: number,
): Promise<string | undefined> {
  const token = randomText(32);
  const consumed = { ...stored.value, consumed: now };
  const [won] = await Promise.all([
    store.commit(`code:${fingerprint(value)}`, consumed, {
      expect: stored.version,
      version: newVersion(),
      ttl: lifetime(code.exp - now),
      durable: true,
    }),
    store.write(`access:${fingerprint(token)}`, accessToken(code, now), {
      ttl: lifetime(ACCESS_TOKEN_SECONDS),
    }),
  ]);
  return won ? token : undefined;
}

function accessToken(code: Code, now: number): AdapterPayload {
  const { accountId, clientId, grantId, sessionUid, scope, sid } = code;
  return {
    iat: now,
    exp: now + ACCESS_TOKEN_SECONDS,
    accountId,
    expiresWithSession: true,
    grantId,
    gty: "authorization_code",
    sessionUid,
    kind: "AccessToken",
    clientId,
    scope,
    ...(sid === undefined ? {} : { sid }),
  };
}

/** OpenID Connect Core, section 2. */
function idToken(issuer: string, code: Code, now: number): object {
  const { accountId, clientId, acr, amr, authTime, nonce, sid } = code;
  return {
    sub: accountId,
    acr,
    amr,
    auth_time: authTime,
    nonce,
    sid,
    aud: clientId,
    exp: now + ID_TOKEN_SECONDS,
    iat: now,
    iss: issuer,
  };
}
