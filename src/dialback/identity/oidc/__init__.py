"""Sign-in at an OpenID provider: code flow with PKCE, as a library without a web framework.

`flow` is what the web role calls; `settings` says which provider. Sources: OpenID Connect Core 1.0, OpenID
Connect Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (issuer in the answer), RFC 9700 (security practice). Left
out: implicit and hybrid flows, encrypted tokens, log-out at the provider, refresh tokens (the session in the
browser is ours).
"""
