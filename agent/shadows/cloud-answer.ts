import type { z } from 'zod';
import { shadowNamePattern } from '../../lib/shadow/shadow-request.ts';
import {
  shadowAcceptedSchema,
  shadowDeletedSchema,
  shadowDocumentSchema,
  shadowListedSchema,
  shadowRejectedSchema,
} from '../../cloud-sync/protocol/shadow.ts';
import { AgentError } from '../errors.ts';

type Of<Schema extends z.ZodType> = z.output<Schema>;

export type CloudAnswer =
  | { readonly kind: 'listed'; readonly body: Of<typeof shadowListedSchema> }
  | { readonly kind: 'updated'; readonly name: string; readonly body: Of<typeof shadowAcceptedSchema> }
  | { readonly kind: 'deleted'; readonly name: string; readonly body: Of<typeof shadowDeletedSchema> }
  | { readonly kind: 'got'; readonly name: string; readonly body: Of<typeof shadowDocumentSchema> }
  | {
      readonly kind: 'rejected';
      readonly name: string;
      readonly verb: string;
      readonly body: Of<typeof shadowRejectedSchema>;
    };

const tailPattern = /^([^/]+)\/(update|get|delete)\/(accepted|rejected)$/;

/** What the cloud said on `…/shadow/{tail}`. Throws AgentError 'badMessage'. */
export function readCloudAnswer(tail: string, payload: Uint8Array): CloudAnswer {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    if (tail === 'list/accepted') return { kind: 'listed', body: shadowListedSchema.parse(json) };
    const [, name = '', verb = '', how] = tailPattern.exec(tail) ?? [];
    if (!shadowNamePattern.test(name)) throw new Error('no shadow has this name');
    if (how === 'rejected') return { kind: 'rejected', name, verb, body: shadowRejectedSchema.parse(json) };
    if (verb === 'update') return { kind: 'updated', name, body: shadowAcceptedSchema.parse(json) };
    if (verb === 'delete') return { kind: 'deleted', name, body: shadowDeletedSchema.parse(json) };
    return { kind: 'got', name, body: shadowDocumentSchema.parse(json) };
  } catch (cause) {
    throw new AgentError(
      'badMessage',
      `The cloud said something about shadows on ${tail} that cannot be read`,
      {
        cause,
      },
    );
  }
}
