/** An export of Keycloak: a realm, or its users alone, as one JSON document. */
import { displayable } from "../account/names.ts";
import { elementsOf } from "./json-elements.ts";
import { judged } from "./json-lines.ts";
import { checkRow, type HashInput, type Input, invalid, type Row } from "./row.ts";

export async function* readKeycloak(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Input> {
  for await (const { line, text } of elementsOf(stream, "users")) {
    yield { line, raw: text ?? "", read: judged(() => userOf(text)) };
  }
}

interface User {
  id?: unknown;
  username?: unknown;
  email?: unknown;
  emailVerified?: unknown;
  firstName?: unknown;
  lastName?: unknown;
  enabled?: unknown;
  groups?: unknown;
  credentials?: unknown;
}

function userOf(text: string | undefined): Row {
  if (text === undefined) throw invalid("This user is longer than 1 MiB.");
  const user = parsed(text);
  const name = displayable(
    [user.firstName, user.lastName].filter((part) => typeof part === "string").join(" "),
  );
  const hash = passwordOf(user.credentials);
  const groups = pathsOf(user.groups);
  return checkRow({
    ...given("sub", user.id),
    ...given("username", user.username),
    ...given("email", user.email),
    ...(name === undefined ? {} : { name }),
    emailVerified: user.emailVerified === true,
    ...(groups ? { groups } : {}),
    ...(user.enabled === false ? { disabled: true } : {}),
    ...(hash ? { hash } : {}),
  });
}

function parsed(text: string): User {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Said below.
  }
  throw invalid("This is no user of a Keycloak export.");
}

function given<K extends string>(name: K, value: unknown): { [P in K]?: string } {
  return typeof value === "string" && value !== "" ? ({ [name]: value } as { [P in K]?: string }) : {};
}

/** `/staff/sales` becomes `staff.sales`: names of groups here have no slashes. */
function pathsOf(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map((path) => String(path).replace(/^\/+/, "").replaceAll("/", "."));
}

/** The password among the credentials; one-time codes and keys of a second factor stay behind. */
function passwordOf(credentials: unknown): HashInput | undefined {
  if (!Array.isArray(credentials)) return undefined;
  const password = credentials.find((one) => one?.type === "password");
  if (!password) return undefined;
  const { credentialData, secretData } = password as Record<string, unknown>;
  // Before version 8 the fields stood in the credential itself.
  const { algorithm, hashIterations, hashedSaltedValue, salt } = password as Record<string, unknown>;
  if (typeof credentialData === "string" && typeof secretData === "string")
    return { credentialData, secretData };
  return {
    credentialData: JSON.stringify({ algorithm, hashIterations }),
    secretData: JSON.stringify({ value: hashedSaltedValue, salt }),
  };
}
