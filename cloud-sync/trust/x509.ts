import type * as X509 from '@peculiar/x509';

/**
 * The X.509 writer, loaded at its first use: it costs a quarter of a second and 20 MB, and an agent needs it once, to
 * enrol. Certificates are read with `node:crypto`.
 */
export async function loadX509(): Promise<typeof X509> {
  provideReflectMetadata();
  return import('@peculiar/x509');
}

type ReflectMetadata = Record<'getMetadata' | 'getOwnMetadata' | 'defineMetadata', () => undefined>;

/** tsyringe, inside that library, refuses to load without decorator metadata; the library injects nothing by type, so none is enough. */
function provideReflectMetadata(): void {
  const reflect = Reflect as Partial<ReflectMetadata>;
  const nothing = () => undefined;
  reflect.getMetadata ??= nothing;
  reflect.getOwnMetadata ??= nothing;
  reflect.defineMetadata ??= nothing;
}

export const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
