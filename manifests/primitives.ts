import cron from 'node-cron';
import { z } from 'zod';
import { imageReferencePattern } from './image-reference.ts';

/**
 * The words of the language. A message names what is expected, so that it reads on after "must be". Patterns run only on
 * texts within their length (`abort`), and none backtracks more than linearly.
 */
const text = (maxLength: number, pattern: RegExp, expected: string, whole = z.string()) =>
  whole.max(maxLength, { abort: true }).regex(pattern, { message: expected, abort: true });

/** A number and a unit: whoever wrote the number alone is told the form, for quotes do not help. */
const measure = (maxLength: number, pattern: RegExp, expected: string) => {
  const error = ({ input }: { readonly input: unknown }) =>
    typeof input === 'number' ? expected : undefined;
  return text(maxLength, pattern, expected, z.string({ error }));
};

/** Names of devices, apps, functions, streams … : DNS-label like, so that they fit in topics, paths and host names. */
export const nameSchema = text(
  63,
  /^(?!constructor$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
  'a name: lower-case letters, digits and inner hyphens, at most 63 characters',
);

const units: Record<string, number> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};
const durations: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const quantity = (table: Record<string, number>, example: string) => {
  const pattern = new RegExp(`^(0|[1-9][0-9]{0,14})(${Object.keys(table).join('|')})$`);
  const expected = `a whole number and a unit (${Object.keys(table).join(', ')}), such as ${example}`;
  const toNumber = (quantity: string) => {
    const [, count = '0', unit = ''] = pattern.exec(quantity) ?? [];
    return Number(count) * (table[unit] ?? Number.NaN);
  };
  return {
    /** `min` and `max` are written as in the file. */
    between: (min: string, max: string) =>
      measure(32, pattern, expected)
        .transform(toNumber)
        .refine((value) => value >= toNumber(min) && value <= toNumber(max), `between ${min} and ${max}`),
  };
};

const bytes = quantity(units, '32MiB');
const duration = quantity(durations, '5s');

/** `32MiB` to bytes. */
export const bytesBetween = bytes.between;
/** `5s` to milliseconds. */
export const durationBetween = duration.between;
/** How much of anything may be kept or sent. */
export const bytesSchema = bytes.between('1B', '1024TiB');
/** How long anything may be kept. */
export const durationSchema = duration.between('1ms', '5000w');

export const bytesPerDaySchema = measure(40, /\/day$/, 'an amount per day, such as 50MiB/day')
  .transform((amount) => amount.slice(0, -'/day'.length))
  .pipe(bytesSchema);
export const bytesPerSecondSchema = measure(40, /\/s$/, 'an amount per second, such as 64KiB/s')
  .transform((amount) => amount.slice(0, -'/s'.length))
  .pipe(bytes.between('1KiB', '1TiB'));
export const countPerDaySchema = measure(
  40,
  /^[1-9][0-9]{0,14}\/day$/,
  'a whole number per day, such as 100000/day',
).transform((amount) => Number.parseInt(amount, 10));

export const durationPerDaySchema = measure(40, /\/day$/, 'a time per day, such as 30m/day')
  .transform((amount) => amount.slice(0, -'/day'.length))
  .pipe(durationSchema);

const ratePattern = /^([1-9][0-9]{0,8})\/(s|m|h)$/;
/** `100/s` to `{ count: 100, perMs: 1000 }`: a token bucket of that many. */
export const rateSchema = measure(
  16,
  ratePattern,
  'a whole number per second, minute or hour, such as 100/s',
).transform((rate) => {
  const [, count = '0', unit = 's'] = ratePattern.exec(rate) ?? [];
  return { count: Number(count), perMs: durations[unit] ?? Number.NaN };
});

/** A glob as `path.matchesGlob` takes it; no segment leads up. */
export const globSchema = text(
  1024,
  /^(?!\/)(?!(?:[^\0]*\/)?\.\.?(?:\/|$))[^\0]+$/,
  'a relative glob without "." or ".." in it, such as inbox/*.csv',
);

export const imageReferenceSchema = text(
  512,
  imageReferencePattern,
  'an image reference: host/path:tag, host/path@sha256:…, or without a host',
).describe(
  "`[host[:port]/]path[:tag][@sha256:…]`. Without a host (a first part with a dot or a colon, or localhost) it is in the control plane's own registry.",
);

/** An MQTT 3.1.1 topic filter (§4.7): `+` for one whole level, `#` only as the last. */
export const topicFilterSchema = text(
  1024,
  /^(?!\$)(?:(?:\+|[^+#\0/]*)(?:\/(?:\+|[^+#\0/]*))*(?:\/#)?|#)$/,
  'an MQTT topic filter: + for one whole level, # only at the end, no $ at the start',
)
  .min(1)
  .refine((filter) => filter.split('/').length <= 32, 'a topic filter of at most 32 levels');

/** The front of topics, such as `site/`. */
export const topicPrefixSchema = text(512, /^(?!\$)[^+#\0]*$/, 'the front of topics, without + and #');

/** What a topic becomes: `{topic}` and `{device}` are filled in. */
export const topicTemplateSchema = text(
  512,
  /^(?!\$)(?:[^+#\0{}]|\{topic\}|\{device\})+$/,
  'a topic with {topic} or {device} in it, without + and #, such as plants/{device}/{topic}',
);

/** What messages of a stream are told apart by when it is compacted. */
export const streamKeySchema = text(
  256,
  /^(?:topic|(?:\/(?:[^~/\0]|~[01])+)+)$/,
  'topic, or a JSON pointer into the payload, such as /sensor/id',
);

/** Of a certificate. */
export const fingerprintSchema = text(
  71,
  /^sha256:[0-9a-f]{64}$/,
  'sha256: and 64 hexadecimal digits, the SHA-256 of the certificate (DER)',
);

export const mqttUrlSchema = z
  .url({ protocol: /^(?:mqtts?|wss?)$/, error: 'an mqtt://, mqtts://, ws:// or wss:// address' })
  .max(2048)
  .refine((text) => {
    const url = URL.parse(text);
    return !url || (url.username === '' && url.password === '');
  }, 'an address without a user in it: username and password have keys of their own');

/** Numbers of two digits at most: the expander of ranges would take minutes over `0-99999999`. */
const cronPattern = /^(?![^\0]*[0-9]{3})[0-9A-Za-z*,/#?-]{1,100}(?: +[0-9A-Za-z*,/#?-]{1,100}){4,5}$/;

export const cronSchema = text(
  128,
  cronPattern,
  'a cron expression: five fields (or six, seconds first), such as "*/5 * * * *"',
).refine((expression) => cron.validate(expression), {
  message: 'a cron expression with fields in range that can come true',
});

export const timezoneSchema = text(
  64,
  /^[A-Za-z0-9_+/-]+$/,
  'an IANA time zone, such as Europe/Berlin',
).refine(isTimezone, 'an IANA time zone, such as Europe/Berlin');

export const absolutePathSchema = text(
  4096,
  /^\/(?!(?:[^\0]*\/)?\.\.?(?:\/|$))[^\0]*$/,
  'an absolute path without "." or ".." in it',
);

export const relativePathSchema = text(
  4096,
  /^(?!\/)(?!(?:[^\0]*\/)?\.\.?(?:\/|$))[^\0]+$/,
  'a relative path inside the image, without "." or ".." in it',
);

export const routeSchema = text(1024, /^\/[^\s?#]*$/, 'a route that begins with / and has no ? or #');

export const httpUrlSchema = z
  .url({ protocol: /^https?$/, error: 'an http:// or https:// address' })
  .max(2048);

/** Scheme, host and port. A path would look like a narrower grant, and be none. */
export const originSchema = httpUrlSchema.refine((text) => {
  const url = URL.parse(text);
  return !url || url.href === `${url.origin}/`;
}, 'an origin such as https://api.example.com, without a path, a query or a user');

export const controlSchema = z.strictObject({
  url: z
    .url({ protocol: /^https$/, error: 'an https:// address' })
    .max(2048)
    .describe("The control plane's HTTPS address."),
  ca: text(71, /^sha256:[0-9a-f]{64}$/, 'sha256: and 64 hexadecimal digits')
    .optional()
    .describe("SHA-256 of the control plane's CA certificate (DER) when it is not publicly trusted."),
  keepAlive: duration
    .between('1s', '5m')
    .prefault('3s')
    .describe('How often the connection is tried: a cut one is noticed after one and a half of it.'),
  recovery: text(2048, /^hfr1\.[A-Za-z0-9_-]+$/, 'a recovery key as holdfast deploy writes it')
    .optional()
    .describe(
      'A recovery key wrapped by the owner passphrase: what lets a blank machine take this identity again.',
    ),
});

/** How a TLS server outside is trusted, and who this machine is to it. */
export const clientTlsSchema = z.strictObject({
  ca: nameSchema
    .optional()
    .describe('A secret with the CA certificate, PEM, when it is not publicly trusted.'),
  certificate: nameSchema.optional().describe('A secret with the client certificate, PEM.'),
  key: nameSchema.optional().describe('A secret with its private key, PEM.'),
});

/** What a snapshot leaves out, as a line of .gitignore. */
export const excludePatternSchema = text(1024, /^[^\0\r\n]+$/, 'a pattern as in .gitignore, on one line');

const powerPolicySchema = z.enum(['run', 'pause']);

export const vaultSchema = z.strictObject({
  repository: text(2048, /^(rest:https?:\/\/|s3:|\/)/, 'rest:https://…, s3:… or an absolute path')
    .optional()
    .describe("Where snapshots go; when it is left out, to the control plane's own vault of this device."),
  owner: text(2048, /^hfo1\.[A-Za-z0-9_-]+$/, 'an owner key as holdfast deploy writes it')
    .optional()
    .describe(
      'A public key, and its private half wrapped by the owner passphrase: lets the passphrase open the repository.',
    ),
  login: nameSchema
    .optional()
    .describe('A secret of the device, user:password, for a REST server that asks for one.'),
  throttle: bytesPerSecondSchema
    .optional()
    .describe('Bytes a second into the repository, at most, over a few seconds.'),
  onBattery: powerPolicySchema.default('run').describe('Scheduled snapshots while there is no mains power.'),
  onMetered: powerPolicySchema
    .default('run')
    .describe('Scheduled snapshots into a remote repository over a link that is known to cost by the byte.'),
});
export type VaultSpec = z.output<typeof vaultSchema>;

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
