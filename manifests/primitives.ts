import { z } from 'zod';
import {
  amountOf,
  anyBytes,
  anyDuration,
  anyRate,
  byteAmounts,
  durationAmounts,
  isWithin,
  maxAmountLength,
  type AmountKind,
  type AmountRange,
} from './amounts.ts';
import { imageReferencePattern } from './image-reference.ts';
import { hasFewLevels, nameWord, topicFilterWord, topicPrefixWord, type Word } from './words.ts';

/** A schema of a word. A message names what is expected, so that it reads on after "must be". */
export const text = ({ maxLength, pattern }: Word, expected: string, whole = z.string()) =>
  whole.max(maxLength, { abort: true }).regex(pattern, { message: expected, abort: true });

/** A number and a unit: whoever wrote the number alone is told the form, for quotes do not help. */
const measure = (maxLength: number, pattern: RegExp, expected: string) => {
  const error = ({ input }: { readonly input: unknown }) =>
    typeof input === 'number' ? expected : undefined;
  return text({ maxLength, pattern }, expected, z.string({ error }));
};

export const nameSchema = text(
  nameWord,
  'a name: lower-case letters, digits and inner hyphens, at most 63 characters',
);

const amounts = (kind: AmountKind, example: string) => {
  const expected = `a whole number and a unit (${Object.keys(kind.units).join(', ')}), such as ${example}`;
  return (...range: AmountRange) =>
    measure(maxAmountLength, kind.pattern, expected)
      .transform((amount) => amountOf(kind, amount))
      .refine((amount) => isWithin(kind, amount, range), `between ${range.join(' and ')}`);
};

/** `32MiB` to bytes. `min` and `max` are written as in the file. */
export const bytesBetween = amounts(byteAmounts, '32MiB');
/** `5s` to milliseconds. */
export const durationBetween = amounts(durationAmounts, '5s');
/** How much of anything may be kept or sent. */
export const bytesSchema = bytesBetween(...anyBytes);
/** How long anything may be kept. */
export const durationSchema = durationBetween(...anyDuration);

export const bytesPerDaySchema = measure(40, /\/day$/, 'an amount per day, such as 50MiB/day')
  .transform((amount) => amount.slice(0, -'/day'.length))
  .pipe(bytesSchema);
export const bytesPerSecondSchema = measure(40, /\/s$/, 'an amount per second, such as 64KiB/s')
  .transform((amount) => amount.slice(0, -'/s'.length))
  .pipe(bytesBetween(...anyRate));
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
  return { count: Number(count), perMs: durationAmounts.units[unit] ?? Number.NaN };
});

/** A glob as `path.matchesGlob` takes it; no segment leads up. */
export const globSchema = text(
  { maxLength: 1024, pattern: /^(?!\/)(?!(?:[^\0]*\/)?\.\.?(?:\/|$))[^\0]+$/ },
  'a relative glob without "." or ".." in it, such as inbox/*.csv',
);

export const imageReferenceSchema = text(
  { maxLength: 512, pattern: imageReferencePattern },
  'an image reference: host/path:tag, host/path@sha256:…, or without a host',
).describe(
  "`[host[:port]/]path[:tag][@sha256:…]`. Without a host (a first part with a dot or a colon, or localhost) it is in the control plane's own registry.",
);

export const topicFilterSchema = text(
  topicFilterWord,
  'an MQTT topic filter: + for one whole level, # only at the end, no $ at the start',
)
  .min(1)
  .refine(hasFewLevels, 'a topic filter of at most 32 levels');

export const topicPrefixSchema = text(topicPrefixWord, 'the front of topics, without + and #');

/** What a topic becomes: `{topic}` and `{device}` are filled in. */
export const topicTemplateSchema = text(
  { maxLength: 512, pattern: /^(?!\$)(?:[^+#\0{}]|\{topic\}|\{device\})+$/ },
  'a topic with {topic} or {device} in it, without + and #, such as plants/{device}/{topic}',
);

/** What messages of a stream are told apart by when it is compacted. */
export const streamKeySchema = text(
  { maxLength: 256, pattern: /^(?:topic|(?:\/(?:[^~/\0]|~[01])+)+)$/ },
  'topic, or a JSON pointer into the payload, such as /sensor/id',
);

/** Of a certificate. */
export const fingerprintSchema = text(
  { maxLength: 71, pattern: /^sha256:[0-9a-f]{64}$/ },
  'sha256: and 64 hexadecimal digits, the SHA-256 of the certificate (DER)',
);

export const mqttUrlSchema = z
  .url({ protocol: /^(?:mqtts?|wss?)$/, error: 'an mqtt://, mqtts://, ws:// or wss:// address' })
  .max(2048)
  .refine((text) => {
    const url = URL.parse(text);
    return !url || (url.username === '' && url.password === '');
  }, 'an address without a user in it: username and password have keys of their own');

export const absolutePathSchema = text(
  { maxLength: 4096, pattern: /^\/(?!(?:[^\0]*\/)?\.\.?(?:\/|$))[^\0]*$/ },
  'an absolute path without "." or ".." in it',
);

export const relativePathSchema = text(
  { maxLength: 4096, pattern: /^(?!\/)(?!(?:[^\0]*\/)?\.\.?(?:\/|$))[^\0]+$/ },
  'a relative path inside the image, without "." or ".." in it',
);

export const routeSchema = text(
  { maxLength: 1024, pattern: /^\/[^\s?#]*$/ },
  'a route that begins with / and has no ? or #',
);

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
  ca: text({ maxLength: 71, pattern: /^sha256:[0-9a-f]{64}$/ }, 'sha256: and 64 hexadecimal digits')
    .optional()
    .describe("SHA-256 of the control plane's CA certificate (DER) when it is not publicly trusted."),
  keepAlive: durationBetween('1s', '5m')
    .prefault('3s')
    .describe('How often the connection is tried: a cut one is noticed after one and a half of it.'),
  recovery: text(
    { maxLength: 2048, pattern: /^hfr1\.[A-Za-z0-9_-]+$/ },
    'a recovery key as holdfast deploy writes it',
  )
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
export const excludePatternSchema = text(
  { maxLength: 1024, pattern: /^[^\0\r\n]+$/ },
  'a pattern as in .gitignore, on one line',
);

const powerPolicySchema = z.enum(['run', 'pause']);

export const vaultSchema = z.strictObject({
  repository: text(
    { maxLength: 2048, pattern: /^(rest:https?:\/\/|s3:|\/)/ },
    'rest:https://…, s3:… or an absolute path',
  )
    .optional()
    .describe("Where snapshots go; when it is left out, to the control plane's own vault of this device."),
  owner: text(
    { maxLength: 2048, pattern: /^hfo1\.[A-Za-z0-9_-]+$/ },
    'an owner key as holdfast deploy writes it',
  )
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
