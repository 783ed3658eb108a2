// A real identity provider (npm oidc-provider, OpenID certified) for the tests: any password, roles by name.

import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, port, given] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(path.join(modules, "oidc-provider", "lib", "index.js")));
const { clients, people } = JSON.parse(given);
const issuer = `http://localhost:${port}`;
const account = (id) =>
  people[id] && {
    accountId: id,
    claims: async () => ({ sub: id, preferred_username: id, name: people[id].name, roles: people[id].roles }),
  };
const provider = new Provider(issuer, {
  clients,
  findAccount: async (_, id) => account(id),
  claims: { openid: ["sub"], profile: ["preferred_username", "name", "roles"] },
  conformIdTokenClaims: false,
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  // Its guard against addresses of one's own network stands in the dispatcher; here everything is on this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  pkce: { required: () => true },
  cookies: { keys: ["tests only"] },
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 3600, Grant: 3600 },
  async loadExistingGrant(context) {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});
provider.on("server_error", (_, error) => console.error(error));
provider.on("backchannel.error", (_, error) => console.error("back channel", error.message));
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
