import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { SyncError } from '../../errors.ts';
import { findOperator } from '../database/operators.ts';
import type { Database } from '../database/schema.ts';
import { certificateIdentity, confirmDevice, type DeviceIdentity, type Identity } from '../identity.ts';
import type { Api } from './context.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** null until it was found out. */
    identity: Identity | null;
  }
}

/** Finds out who asks, before any route runs. */
export function addAuthentication(app: Api, db: Database): void {
  app.decorateRequest('identity', null);
  app.addHook('onRequest', async (request) => {
    request.identity = await identify(request, db);
  });
}

/** A token in the header counts before a certificate of the connection. */
async function identify(request: FastifyRequest, db: Database): Promise<Identity> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const token = tokenOf(authorization);
    const operator = token === undefined ? undefined : await findOperator(db, token);
    if (operator) return { kind: 'operator', name: operator.name };
    return { kind: 'refused', reason: 'the token is not one of this control plane' };
  }
  const { socket } = request.raw;
  if (!(socket instanceof TLSSocket)) return { kind: 'anonymous' };
  const identity = certificateIdentity(socket);
  return identity.kind === 'device' ? confirmDevice(db, identity) : identity;
}

/** `Bearer TOKEN`, or `Basic` with the token as the password, as OCI clients send it. */
function tokenOf(authorization: string): string | undefined {
  const [, scheme = '', value = ''] = /^(bearer|basic) +(\S{1,4096})$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const [, password] = /^[^:]*:(.*)$/.exec(Buffer.from(value, 'base64').toString()) ?? [];
  return password;
}

/** @throws SyncError 'unauthorized', or 'forbidden' for a device */
export function requireOperator({ identity }: FastifyRequest): { readonly actor: string } {
  if (identity?.kind === 'operator') return { actor: `operator:${identity.name}` };
  if (identity?.kind === 'device')
    throw new SyncError('forbidden', 'A device may not do this; an operator may');
  throw unauthorized(identity, 'Send an operator token: Authorization: Bearer …');
}

/** @throws SyncError 'unauthorized', 'revoked', or 'forbidden' for an operator */
export function requireDevice({ identity }: FastifyRequest): DeviceIdentity {
  if (identity?.kind === 'device') return identity;
  if (identity?.kind === 'operator')
    throw new SyncError('forbidden', 'This is for devices, by their certificate');
  throw unauthorized(identity, 'Connect with the client certificate of an enrolled device.');
}

/** An operator, or the device itself. @throws SyncError 'unauthorized', 'revoked', or 'forbidden' for another device */
export function requireAccessTo(device: string, { identity }: FastifyRequest): { readonly actor: string } {
  if (identity?.kind === 'operator') return { actor: `operator:${identity.name}` };
  if (identity?.kind !== 'device')
    throw unauthorized(identity, 'Log in with an operator token as the password, or with the certificate.');
  if (identity.device === device) return { actor: `device:${device}` };
  throw new SyncError('forbidden', `The device ${identity.device} may not reach what is of ${device}`);
}

function unauthorized(
  identity: Exclude<Identity, { kind: 'device' | 'operator' }> | null,
  hint: string,
): SyncError {
  const why = identity?.kind === 'refused' ? identity.reason : 'no credential was sent';
  return new SyncError('unauthorized', `Not allowed: ${why}`, { hint });
}
