// Checks that a webhook is Reelyard's: the Standard Webhooks form, https://www.standardwebhooks.com. Runs where WebCrypto does.

/** How far a message's time may be from now, in seconds, as Standard Webhooks recommends. */
const TOLERANCE_S = 300;

/** A message that is not Reelyard's, was changed on its way, or is too old. */
export class WebhookError extends Error {}

/** Checks messages by an endpoint's secret, `whsec_…` as the API showed it. */
export class Webhook {
  private readonly key: Promise<CryptoKey>;

  constructor(secret: string) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    this.key = crypto.subtle.importKey("raw", fromBase64(secret.replace(/^whsec_/, "")), algorithm, false, ["verify"]);
  }

  /** Return the message; throw unless one of its signatures is good and its time is near. `body` is what came, unparsed. */
  async verify(body: Uint8Array | string, headers: Record<string, string | undefined>, nowS = Date.now() / 1000): Promise<unknown> {
    const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const [id, moment, signatures] = ["id", "timestamp", "signature"].map((name) => given[`webhook-${name}`]);
    if (!id || !moment || !signatures) throw new WebhookError("Without one of the webhook- headers");
    if (!/^\d+$/.test(moment)) throw new WebhookError("The time is no number of seconds");
    if (Math.abs(nowS - Number(moment)) > TOLERANCE_S) throw new WebhookError("Too old, or from the future");
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const content = joined(new TextEncoder().encode(`${id}.${moment}.`), bytes);
    for (const signature of signatures.split(" ")) {
      const [version, value] = signature.split(",");
      if (version === "v1" && value && (await this.signed(value, content))) return JSON.parse(new TextDecoder().decode(bytes));
    }
    throw new WebhookError("No signature is good");
  }

  /** WebCrypto compares in constant time. */
  private async signed(signature: string, content: Uint8Array<ArrayBuffer>): Promise<boolean> {
    try {
      return await crypto.subtle.verify("HMAC", await this.key, fromBase64(signature), content);
    } catch {
      return false; // not base64
    }
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
