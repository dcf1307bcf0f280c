// A real OpenID provider on loopback: npm's oidc-provider with new keys at each start.
//
// Started by lab/oidc_provider.py in the folder whose node_modules holds the package; the one argument is a file
// with the settings: issuer, port, client, people (subject -> claims), claims_in_token. Every password is right.
import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const installed = createRequire(join(process.cwd(), "package.json"));
const { default: Provider } = await import(pathToFileURL(installed.resolve("oidc-provider")));
const settings = JSON.parse(readFileSync(process.argv[2], "utf-8"));

function signingKey(alg, ...parameters) {
  const { privateKey } = generateKeyPairSync(...parameters);
  return { ...privateKey.export({ format: "jwk" }), alg, use: "sig", kid: randomUUID() };
}

const provider = new Provider(settings.issuer, {
  clients: [settings.client],
  claims: {
    openid: ["sub"],
    profile: ["name", "preferred_username"],
    email: ["email", "email_verified"],
    groups: ["groups"],
  },
  conformIdTokenClaims: !settings.claims_in_token,
  cookies: { keys: [randomBytes(32).toString("hex")] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, subject) =>
    settings.people[subject] && {
      accountId: subject,
      claims: () => ({ sub: subject, ...settings.people[subject] }),
    },
  jwks: {
    keys: [
      signingKey("RS256", "rsa", { modulusLength: 2048 }),
      signingKey("PS256", "rsa", { modulusLength: 2048 }),
      signingKey("ES256", "ec", { namedCurve: "P-256" }),
      signingKey("EdDSA", "ed25519"),
    ],
  },
  pkce: { required: () => true },
});
provider.listen(settings.port, "127.0.0.1");
