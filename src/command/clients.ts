/** `latchkey clients`: the apps that people sign in to. */
import { type Command, Option } from "commander";
import { visibleJson } from "../log/fields.ts";
import type {
  AuthMethod,
  Client,
  ClientKind,
  ClientPatch,
  IdTokenAlg,
  Written,
} from "../oidc/client/clients.ts";
import { readKeys } from "./clients/key-file.ts";
import { type Common, type Context, confirmed, mustBeAskable, print, withInstallation } from "./context.ts";
import { table } from "./terminal.ts";

interface ClientFlags extends Common {
  name?: string;
  redirectUri?: string[];
  firstParty?: boolean;
  pkce?: boolean;
  postLogoutRedirectUri?: string[];
  backchannelLogoutUri?: string;
  /** `false`: none any more. */
  initiateLoginUri?: string | false;
  clientUri?: string | false;
  group?: string[] | false;
  jwksUri?: string;
  jwks?: string;
  authMethod?: AuthMethod;
  idTokenAlg?: IdTokenAlg;
  grant?: string[];
  scope?: string[];
}

export function clientsCommands(program: Command, context: Context): void {
  const group = program.command("clients").description("OpenID clients: the apps that people sign in to");
  const leaf = (usage: string, words: string) =>
    group.command(usage).description(words).option("--json", "print one JSON document");
  withFlags(leaf("add", "register a client; its secret is printed this once"))
    .requiredOption("--name <name>", "what people see")
    .option("--id <id>", "client id (default: a random one)")
    .addOption(
      new Option("--kind <kind>", "what the app is")
        .choices(["web", "spa", "native", "machine"])
        .default("web"),
    )
    .action((flags: AddFlags) => add(context, flags));
  leaf("list", "all clients").action((flags: Common) => list(context, flags));
  leaf("show <id>", "one client").action((id: string, flags: Common) => show(context, id, flags));
  withFlags(leaf("update <id>", "change a client; lists are replaced"))
    .option("--name <name>", "what people see")
    .option("--new-secret", "make a new secret; the old one stops working")
    .action((id: string, flags: UpdateFlags) => update(context, id, flags));
  leaf("remove <id>", "remove a client; its tokens stop working")
    .option("--yes", "do not ask")
    .action((id: string, flags: Common & { yes?: true }) => remove(context, id, flags));
}

type AddFlags = ClientFlags & { name: string; id?: string; kind: ClientKind };
type UpdateFlags = ClientFlags & { newSecret?: true };

function withFlags(command: Command): Command {
  return command
    .option("--redirect-uri <uri...>", "where answers go, as exact addresses")
    .option("--first-party", "one of ours: no consent page")
    .option("--no-first-party", "ask people for their consent")
    .option("--pkce", "demand PKCE of every request (the default)")
    .option("--no-pkce", "accept requests without PKCE; only for clients with a secret")
    .option("--post-logout-redirect-uri <uri...>", "where people may go after signing out")
    .option("--backchannel-logout-uri <uri>", "where we tell the app that somebody signed out")
    .option("--initiate-login-uri <uri>", "where the app starts a sign-in, also from the portal")
    .option("--no-initiate-login-uri", "it has none")
    .option(
      "--client-uri <uri>",
      "the app's front page: where the portal leads, without --initiate-login-uri",
    )
    .option("--no-client-uri", "it has none; with neither the app is not on the portal")
    .option("--group <group...>", "only members of these groups may open the app")
    .option("--no-group", "everybody may open the app (the default)")
    .option("--jwks-uri <uri>", "where the app publishes its public keys, for private_key_jwt")
    .option("--jwks <file>", "the public keys themselves, a JWK Set, for an app that publishes none")
    .addOption(
      new Option("--auth-method <method>", "how the app proves itself").choices([
        "basic",
        "post",
        "none",
        "private_key_jwt",
      ]),
    )
    .addOption(
      new Option("--id-token-alg <alg>", "how ID tokens are signed (default: ES256)").choices([
        "ES256",
        "RS256",
      ]),
    )
    .option("--grant <grant...>", "grant types, such as authorization_code or device_code")
    .option("--scope <scope...>", "the only scopes that the app may ask for");
}

/** What the flags say; those not given say nothing. */
function patchOf(context: Context, flags: ClientFlags): ClientPatch {
  const said: { [K in keyof ClientPatch]: ClientPatch[K] | undefined } = {
    name: flags.name,
    redirectUris: flags.redirectUri,
    firstParty: flags.firstParty,
    pkce: flags.pkce,
    postLogoutRedirectUris: flags.postLogoutRedirectUri,
    backchannelLogoutUri: flags.backchannelLogoutUri,
    initiateLoginUri: orNone(flags.initiateLoginUri),
    clientUri: orNone(flags.clientUri),
    groups: orNone(flags.group),
    jwksUri: flags.jwksUri,
    jwks: flags.jwks === undefined ? undefined : readKeys(context, flags.jwks),
    authMethod: flags.authMethod,
    idTokenAlg: flags.idTokenAlg,
    grants: flags.grant,
    scopes: flags.scope?.flatMap((scope) => scope.split(/\s+/)),
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

/** A flag that was turned off takes away what it would set. */
function orNone<T>(flag: T | false | undefined): T | null | undefined {
  return flag === false ? null : flag;
}

async function add(context: Context, flags: AddFlags): Promise<void> {
  const { name, kind, id } = flags;
  const input = { ...patchOf(context, flags), name, kind, ...(id === undefined ? {} : { id }) };
  return withInstallation(context, async ({ clients }) => tell(context, flags, await clients.add(input)));
}

async function update(context: Context, id: string, flags: UpdateFlags): Promise<void> {
  const patch = { ...patchOf(context, flags), newSecret: flags.newSecret === true };
  return withInstallation(context, async ({ clients }) =>
    tell(context, flags, await clients.update(id, patch)),
  );
}

function show(context: Context, id: string, flags: Common): Promise<void> {
  return withInstallation(context, async ({ clients }) =>
    tell(context, flags, { client: await clients.show(id) }),
  );
}

function list(context: Context, flags: Common): Promise<void> {
  return withInstallation(context, async ({ clients }) => {
    const found = await clients.list();
    const { toPublic } = await import("../oidc/client/clients.ts");
    const rows = found.map(({ id, name, kind, firstParty, groups = [] }) => [
      id,
      name,
      kind,
      firstParty ? "first party" : "",
      groups.join(", "),
    ]);
    const text =
      rows.length === 0
        ? "No clients yet: latchkey clients add --help\n"
        : table([["id", "name", "kind", "", "only for"], ...rows]);
    print(context, flags, found.map(toPublic), text);
  });
}

async function remove(context: Context, id: string, flags: Common & { yes?: true }): Promise<void> {
  mustBeAskable(context, flags.yes);
  await withInstallation(context, async ({ clients }) => {
    const { name } = await clients.show(id);
    if (!(await confirmed(context, flags.yes, `Remove the client ${id} (${visibleJson(name)})?`))) {
      print(context, flags, { client_id: id, removed: false }, "Nothing was removed.\n");
      return;
    }
    await clients.remove(id);
    print(context, flags, { client_id: id, removed: true }, `Removed ${id}.\n`);
  });
}

async function tell(context: Context, flags: Common, { client, secret }: Written): Promise<void> {
  const { toPublic } = await import("../oidc/client/clients.ts");
  const { client_id, ...rest } = toPublic(client);
  const document = { client_id, ...(secret === undefined ? {} : { client_secret: secret }), ...rest };
  print(context, flags, document, table(rowsOf(client, secret)));
}

function rowsOf(client: Client, secret: string | undefined): string[][] {
  const rows: [string, unknown][] = [
    ["client_id", client.id],
    ["client_secret", secret === undefined ? undefined : `${secret}  (shown this once)`],
    ["name", client.name],
    ["kind", client.kind],
    ["auth method", client.authMethod],
    ["id token alg", client.idTokenAlg],
    ["first party", client.firstParty ? "yes" : "no"],
    ["pkce", client.pkce ? "always" : "optional"],
    ["grants", client.grants.join(" ")],
    ["scopes", client.scopes?.join(" ")],
    ...client.redirectUris.map((uri): [string, string] => ["redirect_uri", uri]),
    ...client.postLogoutRedirectUris.map((uri): [string, string] => ["post_logout_redirect_uri", uri]),
    ["backchannel_logout_uri", client.backchannelLogoutUri],
    ["initiate_login_uri", client.initiateLoginUri],
    ["client_uri", client.clientUri],
    ["only for", client.groups?.join(", ")],
    ["jwks_uri", client.jwksUri],
    ...(client.jwks?.keys ?? []).map(({ kty, crv, kid }): [string, string] => [
      "jwks key",
      [kty, crv, kid].filter((part) => part !== undefined).join(" "),
    ]),
  ];
  return rows.filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]);
}
