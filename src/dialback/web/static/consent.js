// Consent, signed with a key that this browser makes, keeps, and does not give away: not even to this script,
// which may only use it. It shows what it is about to sign as it reads it out of the very bytes, and signs
// nothing that is not the one spelling of a grant; hosts verify those bytes and no others.
//
// Left out: protection from whoever serves this script. See docs/security.md.
"use strict";

(() => {
  const ALGORITHM = "Ed25519";
  const PREFIX = new TextEncoder().encode("dialback grant 1\n");
  const FIELDS = {
    staff: ["Who", "string"],
    host: ["Session host, by its id", "string"],
    tenant: ["Tenant", "string"],
    scopes: ["For", "list"],
    targets: ["At", "list"],
    purpose: ["Why", "string"],
    ticket_number: ["Ticket number", "string"],
    begins_at: ["From", "instant"],
    until: ["Until", "instant"],
    uses: ["How often", "count"],
    approved_by: ["Approved by", "string"],
    id: ["Id of the grant", "string"],
  };

  const isText = (value) => typeof value === "string";
  const FITS = {
    string: isText,
    list: (value) => Array.isArray(value) && value.every(isText),
    instant: (value) => isText(value) && !Number.isNaN(Date.parse(value)),
    count: (value) => Number.isSafeInteger(value) && value >= 0,
  };

  // What has no look of its own, or turns the writing round, is shown by its number.
  const visible = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (found) => `\\u{${found.codePointAt(0).toString(16)}}`);

  const SHOWN = {
    string: (value) => visible(value) || "none",
    list: (value) => value.map(visible).join(", ") || "all that the host allows",
    instant: (value) => `${new Date(value).toLocaleString(document.documentElement.lang)} (${visible(value)})`,
    count: (value) => (value ? String(value) : "as often as wanted"),
  };

  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

  // The one spelling: names sorted, no spaces, nothing beyond ASCII.
  function spell(grant) {
    const sorted = Object.fromEntries(Object.keys(grant).sort().map((name) => [name, grant[name]]));
    return JSON.stringify(sorted).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  }

  function parse(text) {
    const grant = JSON.parse(text);
    const names = Object.keys(grant).sort().join();
    if (names !== Object.keys(FIELDS).sort().join() || spell(grant) !== text) {
      throw new Error("the server has sent something else than a grant");
    }
    for (const [name, [, kind]] of Object.entries(FIELDS)) {
      if (!FITS[kind](grant[name])) {
        throw new Error(`the server has sent a grant whose ${name} is none`);
      }
    }
    return grant;
  }

  function keysKept(mode, act) {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open("dialback-consent", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const transaction = opening.result.transaction("keys", mode);
        const asked = act(transaction.objectStore("keys"));
        transaction.oncomplete = () => { opening.result.close(); resolve(asked.result); };
        transaction.onabort = () => { opening.result.close(); reject(transaction.error); };
      };
    });
  }

  const keptKey = (owner) => keysKept("readonly", (keys) => keys.get(owner));

  async function makeKey(owner) {
    const pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
    // Added, never put: of two tabs that make a key at once, the second keeps that of the first.
    await keysKept("readwrite", (keys) => keys.add(pair, owner)).catch(() => undefined);
    await navigator.storage?.persist?.();
    return keptKey(owner);
  }

  async function canKeepKeys() {
    try {
      await crypto.subtle.generateKey(ALGORITHM, false, ["sign"]);
      await keptKey("");
      return true;
    } catch {
      return false;
    }
  }

  const publicHalf = (pair) => crypto.subtle.exportKey("raw", pair.publicKey);

  async function sign(pair, body) {
    const message = new Uint8Array(PREFIX.length + body.length);
    message.set(PREFIX);
    message.set(body, PREFIX.length);
    const signature = await crypto.subtle.sign(ALGORITHM, pair.privateKey, message);
    const fingerprint = hex(await crypto.subtle.digest("SHA-256", await publicHalf(pair)));
    return JSON.stringify({ grant: base64url(body), signatures: { [fingerprint]: base64url(signature) } });
  }

  function tell(id, error) {
    const note = document.getElementById(id);
    note.querySelector("p").textContent = `It did not work: ${error.message}.`;
    note.hidden = false;
  }

  // Carries a form out once the script has filled it in; a button pressed twice does it once.
  function onSubmit(form, errorId, fill) {
    let busy = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) {
        return;
      }
      busy = true;
      try {
        await fill();
        form.submit();
      } catch (error) {
        tell(errorId, error);
        busy = false;
      }
    });
  }

  function show(section, state) {
    for (const part of section.querySelectorAll("[data-key]")) {
      part.hidden = part.dataset.key !== state;
    }
  }

  // Returns the key of this browser if it is registered; shows where it stands.
  async function showKey(section) {
    const { owner, person } = section.dataset;
    if (!(await canKeepKeys())) {
      show(section, "unfit");
      return undefined;
    }
    const pair = await keptKey(owner);
    const own = pair && hex(await publicHalf(pair));
    const registered = new Map(Object.entries(JSON.parse(section.dataset.registered)));
    if (own && registered.has(own)) {
      document.getElementById("own-key-name").textContent = registered.get(own);
      // From the key itself, not from the page: another key here would be another's consent. What JSON escapes
      // in a name, TOML reads alike.
      document.getElementById("key-line").textContent = `[consent]\nkeys = [${JSON.stringify(`${person}: ${own}`)}]`;
      show(section, "ready");
      return pair;
    }
    const form = document.getElementById("make-key");
    if (own) {
      form.querySelector("button").textContent = "Register this browser's key again";
    }
    onSubmit(form, "key-error", async () => {
      const made = (await keptKey(owner)) ?? (await makeKey(owner));
      form.elements.public_key.value = hex(await publicHalf(made));
    });
    show(section, "none");
    return undefined;
  }

  function showGrant(section, pair) {
    const body = bytesOf(section.dataset.body);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    const grant = parse(text);
    const facts = document.getElementById("grant-facts");
    for (const [name, [title, kind]] of Object.entries(FIELDS)) {
      const term = document.createElement("dt");
      const said = document.createElement("dd");
      term.textContent = title;
      said.dataset.fact = name;
      said.dir = "auto";
      said.textContent = SHOWN[kind](grant[name]);
      facts.append(term, said);
    }
    document.getElementById("grant-bytes").textContent = text;
    const form = document.getElementById("sign");
    onSubmit(form, "grant-error", async () => {
      form.elements.signed.value = await sign(pair, body);
    });
    section.hidden = false;
  }

  document.addEventListener("DOMContentLoaded", async () => {
    const keySection = document.getElementById("consent-key");
    const grantSection = document.getElementById("grant");
    try {
      const pair = keySection && (await showKey(keySection));
      if (pair && grantSection) {
        showGrant(grantSection, pair);
      }
    } catch (error) {
      tell(grantSection ? "grant-error" : "key-error", error);
    }
  });
})();
