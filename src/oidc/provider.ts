/** The library's provider, made and completed: the one place that touches what its types do not offer. */
import Provider, { type Configuration, type Client as LibraryClient } from "oidc-provider";
import { isRefusal } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Backchannel } from "./backchannel.ts";
import type { Clients } from "./client/clients.ts";
import { type ClientMetadata, EXTRA_CLIENT_METADATA, matchesClientSecret } from "./client/metadata.ts";

/**
 * Makes a provider for `issuer`. Client secrets are kept as hashes, so they are compared as hashes.
 *
 * @param patient tells apps again that could not be told about a sign-out; without it each is told once
 */
export function createProvider(
  issuer: URL,
  configuration: Configuration,
  log: Logger,
  clients: Pick<Clients, "current">,
  patient?: Pick<Backchannel, "use">,
): Provider {
  const provider = quietly(() => new Provider(issuer.origin, configuration));
  // What proxies may say was settled at the entrance.
  provider.proxy = true;
  const { prototype } = provider.Client as unknown as {
    prototype: { clientSecret?: string; compareClientSecret(given: string): boolean };
  };
  prototype.compareClientSecret = function compareFingerprints(given) {
    return matchesClientSecret(this.clientSecret, given);
  };
  rememberClients(provider, clients);
  // Requests that break off while they are answered; without a listener koa prints them as they are.
  const app: NodeJS.EventEmitter = provider;
  app.on("error", (error: Error) => log.debug({ err: error }, "a request broke off"));
  provider.on("server_error", (_ctx, error) => {
    // To the library every error of ours is a fault; a request that was refused is none.
    if (!isRefusal(error) || error.status >= 500) log.error({ err: error }, "the provider failed");
  });
  patient?.use(provider);
  provider.on("backchannel.error", (_ctx, err, { clientId: client }) => {
    if (patient) log.debug({ client, err }, "an app is told about a sign-out later");
    else log.warn({ client, err }, "an app could not be told about a sign-out");
  });
  return provider;
}

/**
 * The library's object for a client, the same for as long as the record is. The library itself reads, copies and hashes
 * all of a client's metadata each time it looks one up, half a dozen times in a sign-in.
 */
function rememberClients(provider: Provider, clients: Pick<Clients, "current">): void {
  const { Client } = provider;
  const find = Client.find.bind(Client);
  const known = new WeakMap<object, LibraryClient>();
  Client.find = async (id) => {
    const record = typeof id === "string" ? await clients.current(id) : undefined;
    if (!record) return undefined;
    const client = known.get(record) ?? (await find(id));
    if (client) known.set(record, client);
    return client;
  };
}

let validator: Provider | undefined;

/** The library's own judgement of a client's metadata. @throws its `InvalidClientMetadata` */
export async function validateClient(metadata: ClientMetadata): Promise<void> {
  validator ??= quietly(
    () =>
      new Provider("https://validator.invalid", {
        extraClientMetadata: { properties: [...EXTRA_CLIENT_METADATA] },
        clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        responseTypes: ["code"],
        scopes: ["openid", "offline_access", "profile", "email", "groups"],
        features: {
          backchannelLogout: { enabled: true },
          clientCredentials: { enabled: true },
          deviceFlow: { enabled: true },
        },
        clientDefaults: { id_token_signed_response_alg: "RS256" },
      }),
  );
  const { Client } = validator as unknown as {
    Client: { validate(metadata: ClientMetadata): Promise<void> | void };
  };
  await Client.validate(metadata);
}

/** The library prints notices while it is made; what they warn of is set otherwise, or not used. */
function quietly<T>(make: () => T): T {
  const { info, warn } = console;
  console.info = console.warn = () => {};
  try {
    return make();
  } finally {
    Object.assign(console, { info, warn });
  }
}
