import { z } from 'zod';

/** Names of devices, apps, functions, streams … : DNS-label like, so that they fit in topics, paths and host names. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'lower-case letters, digits and inner hyphens, at most 63 characters',
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
  return z
    .string()
    .regex(pattern, `a whole number and a unit (${Object.keys(table).join(', ')}), such as ${example}`)
    .transform((text) => {
      const [, count = '0', unit = ''] = pattern.exec(text) ?? [];
      return Number(count) * (table[unit] ?? Number.NaN);
    })
    .refine((value) => Number.isSafeInteger(value), 'too large');
};

/** `32MiB` to bytes. */
export const bytesSchema = quantity(units, '32MiB');
/** `5s` to milliseconds. */
export const durationSchema = quantity(durations, '5s');

const perDay = (what: z.ZodType<number, string>) =>
  z
    .string()
    .regex(/\/day$/, 'an amount per day, such as 50MiB/day')
    .transform((text) => text.slice(0, -'/day'.length))
    .pipe(what);

export const bytesPerDaySchema = perDay(bytesSchema);
export const countPerDaySchema = z
  .string()
  .regex(/^[1-9][0-9]{0,14}\/day$/, 'a whole number per day, such as 100000/day')
  .transform((text) => Number.parseInt(text, 10));

/** `host[:port]/path[:tag][@sha256:…]` as OCI clients write it; a digest pins it. */
export const imageReferenceSchema = z
  .string()
  .max(512)
  .regex(
    /^[a-zA-Z0-9.-]+(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
    'an OCI reference: host/path:tag or host/path@sha256:…',
  );

/** An MQTT 3.1.1 topic filter (§4.7): `+` for one whole level, `#` only as the last. */
export const topicFilterSchema = z
  .string()
  .min(1)
  .max(1024)
  .regex(
    /^(\+|[^+#\0]*)(\/(\+|[^+#\0/]*))*(\/#)?$|^#$/,
    'an MQTT topic filter: + for one level, # only at the end',
  )
  .refine((filter) => !filter.startsWith('$'), 'topics beginning with $ belong to the broker');

/** An MQTT topic to publish to: no wildcards. */
export const topicSchema = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[^+#\0$][^+#\0]*$/, 'an MQTT topic without wildcards');

/** Five or six fields; the meaning is checked in `references.ts`. */
export const cronSchema = z
  .string()
  .max(128)
  .regex(/^\S+(\s+\S+){4,5}$/, 'a cron expression of five fields, such as "*/5 * * * *"');

export const absolutePathSchema = z
  .string()
  .max(4096)
  .regex(/^\/(?!.*(^|\/)\.\.?(\/|$))[^\0]*$/, 'an absolute path without . or ..');

export const controlSchema = z.strictObject({
  url: z.url({ protocol: /^https$/ }).describe("The control plane's HTTPS address."),
  ca: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'sha256: and 64 hexadecimal digits')
    .optional()
    .describe("SHA-256 of the control plane's CA certificate (DER) when it is not publicly trusted."),
  recovery: z
    .string()
    .max(2048)
    .regex(/^hfr1\.[A-Za-z0-9_-]+$/, 'a recovery key as holdfast deploy writes it')
    .optional()
    .describe(
      'A recovery key wrapped by the owner passphrase: what lets a blank machine take this identity again.',
    ),
});

export const vaultSchema = z.strictObject({
  repository: z
    .string()
    .max(2048)
    .regex(/^(rest:https?:\/\/|s3:|\/)/, 'rest:https://…, s3:… or an absolute path'),
});
