import { z } from 'zod';
import { isDigest, type Digest } from '../../lib/digest.ts';
import { deviceNameSchema } from '../protocol/api.ts';
import { SyncError } from '../errors.ts';

const prefix = 'hft1.';
const maxTokenChars = 4096;

const tokenSchema = z.strictObject({
  url: z.url({ protocol: /^https$/ }).max(2048),
  ca: z.custom<Digest>((value) => typeof value === 'string' && isDigest(value)),
  device: deviceNameSchema,
  secret: z.string().regex(/^[A-Za-z0-9_-]{16,256}$/),
});

/** All a blank device needs to enrol: where, whom to trust, as whom, and a secret that works once. */
export type EnrolmentToken = z.output<typeof tokenSchema>;

export function formatEnrolmentToken(token: EnrolmentToken): string {
  const { url, ca, device, secret } = token;
  return prefix + Buffer.from(JSON.stringify({ url, ca, device, secret })).toString('base64url');
}

/** Throws `badToken`; the message never repeats the token, which holds a secret. */
export function parseEnrolmentToken(text: string): EnrolmentToken {
  const trimmed = text.trim();
  if (trimmed.length > maxTokenChars) throw badToken(`is longer than ${maxTokenChars} characters`);
  if (!/^hft1\.[A-Za-z0-9_-]+$/.test(trimmed)) throw badToken('does not look like hft1.…');
  const result = tokenSchema.safeParse(decode(trimmed.slice(prefix.length)));
  if (!result.success) throw badToken('is damaged or was cut short');
  return result.data;
}

function decode(encoded: string): unknown {
  try {
    return JSON.parse(Buffer.from(encoded, 'base64url').toString());
  } catch (cause) {
    throw badToken('is damaged or was cut short', cause);
  }
}

function badToken(why: string, cause?: unknown): SyncError {
  return new SyncError('badToken', `The enrolment token ${why}`, {
    cause,
    hint: 'Copy the whole token again, or make a new one in the control plane.',
  });
}
