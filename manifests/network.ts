import { z } from 'zod';
import { parsePasswordHash } from '../lib/password.ts';
import { upwardSchema } from './data.ts';
import {
  bytesBetween,
  bytesPerDaySchema,
  clientTlsSchema,
  durationBetween,
  durationSchema,
  fingerprintSchema,
  mqttUrlSchema,
  nameSchema,
  topicFilterSchema,
  topicPrefixSchema,
  topicTemplateSchema,
} from './primitives.ts';

const expectedHash = 'a scrypt hash as holdfast hash-password prints it, never a plain password';

/** A local MQTT client: who it is and which topics it may use. The name is its user name. */
export const clientSchema = z
  .strictObject({
    password: z
      .string()
      .max(256, { abort: true })
      .regex(/^\$scrypt\$ln=[0-9]+,r=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/, {
        message: expectedHash,
        abort: true,
      })
      .refine((hash) => parsePasswordHash(hash) !== undefined, expectedHash)
      .optional()
      .describe('scrypt hash in PHC format.'),
    certificate: fingerprintSchema
      .optional()
      .describe('SHA-256 of its client certificate (DER): with it, it needs no password on a TLS listener.'),
    publish: z.array(topicFilterSchema).max(100).default([]),
    subscribe: z.array(topicFilterSchema).max(100).default([]),
    session: z
      .strictObject({
        expiry: durationBetween('0ms', '52w').prefault('1d'),
        messages: z.int().min(0).max(100_000).default(10_000),
        bytes: bytesBetween('0B', '1GiB').prefault('16MiB'),
      })
      .prefault({})
      .describe(
        'What waits for it while it is away (clean session off): how long, and how much; the oldest go first.',
      ),
  })
  .refine(
    ({ password, certificate }) => password !== undefined || certificate !== undefined,
    'given a password or a certificate',
  );
export type ClientSpec = z.output<typeof clientSchema>;

/** Where local MQTT clients connect, besides the loopback listener that is always there. */
export const listenerSchema = z.strictObject({
  protocol: z.enum(['mqtt', 'mqtts', 'ws', 'wss']),
  host: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  tls: z
    .strictObject({
      certificate: nameSchema.describe('A secret with the certificate chain, PEM.'),
      key: nameSchema.describe('A secret with the private key, PEM.'),
    })
    .optional()
    .describe('By default a certificate of the device itself; status shows the CA to trust.'),
});
export type ListenerSpec = z.output<typeof listenerSchema>;

const qosSchema = z.union([z.literal(0), z.literal(1), z.literal(2)]).default(1);

/** `strip` is taken off the front of a topic, then `topic` says what it is on the other side. */
const mapping = {
  strip: topicPrefixSchema.default(''),
  topic: topicTemplateSchema.default('{topic}').describe('{topic} and {device} are filled in.'),
  qos: qosSchema,
  retain: z.boolean().default(false),
};

/** A connection to another MQTT 3.1.1 broker: what goes out comes from streams, in order, with a cursor on disk. */
export const bridgeSchema = z.strictObject({
  url: mqttUrlSchema,
  clientId: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'a client id: letters, digits, _ . : and -, at most 64')
    .optional()
    .describe("By default the machine's name and the bridge's."),
  username: z.string().min(1).max(256).optional(),
  password: nameSchema.optional().describe('A secret.'),
  tls: clientTlsSchema.prefault({}),
  keepAlive: durationBetween('1s', '1h').prefault('10s'),
  out: z
    .array(upwardSchema.extend({ stream: nameSchema, ...mapping }))
    .max(50)
    .default([]),
  in: z
    .array(z.strictObject({ topics: z.array(topicFilterSchema).min(1).max(100), ...mapping }))
    .max(50)
    .default([]),
});
export type BridgeSpec = z.output<typeof bridgeSchema>;

/** Logs and metrics of the agent and its functions are events of the stream `observability`. */
export const observabilitySchema = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  metrics: durationBetween('1s', '1d').prefault('1m').describe('How often metrics are written down.'),
  keep: z
    .strictObject({
      bytes: bytesBetween('64KiB', '1024TiB').prefault('64MiB'),
      age: durationBetween('1m', '5000w').prefault('7d'),
    })
    .prefault({}),
  relay: upwardSchema
    .extend({
      enabled: z.boolean().default(true),
      priority: z.int().min(0).max(9).default(9),
      budget: bytesPerDaySchema.prefault('10MiB/day'),
      ttl: durationSchema.prefault('3d'),
    })
    .prefault({}),
  prometheus: z
    .strictObject({
      host: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
      port: z.int().min(1).max(65_535),
    })
    .optional()
    .describe('Where GET /metrics is answered in the Prometheus text format.'),
});
export type ObservabilitySpec = z.output<typeof observabilitySchema>;
