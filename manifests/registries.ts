import { z } from 'zod';
import { registryHostPattern } from './image-reference.ts';
import { clientTlsSchema, nameSchema } from './primitives.ts';

const expected = 'a registry as references name it: host or host:port';

/** `host[:port]`, as the first part of an image reference. */
export const registryHostSchema = z
  .string()
  .max(260, { abort: true })
  .regex(registryHostPattern, { message: expected, abort: true });

/** How a registry is reached. The control plane's own needs no entry, but may have one: for mirrors. */
export const registrySchema = z.strictObject({
  login: nameSchema.optional().describe('A secret of the device: user:password, or a token alone.'),
  mirrors: z
    .array(registryHostSchema)
    .max(20)
    .default([])
    .describe(
      'Registries with the same repositories, asked before it, in this order. Whoever sends something, its digest decides.',
    ),
  tls: clientTlsSchema.prefault({}),
  insecure: z
    .boolean()
    .default(false)
    .describe('HTTP without TLS; for a registry on this machine only: localhost, 127.…, [::1].'),
});
export type RegistrySpec = z.output<typeof registrySchema>;

/** Whether a registry's `host[:port]` is this machine itself. */
export function isLoopbackRegistry(host: string): boolean {
  return /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?$/.test(host);
}
