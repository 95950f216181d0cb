import { createPublicKey } from 'node:crypto';
import type { Server } from 'node:https';
import type { FastifyPluginCallback, FastifyPluginOptions } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { digestOf } from '../../../lib/digest.ts';
import {
  ManifestError,
  parseImageReference,
  readCanonicalManifest,
  references,
  type CanonicalManifest,
  type Machine,
} from '../../../manifests/index.ts';
import { SyncError } from '../../errors.ts';
import {
  deployQuerySchema,
  deployResponseSchema,
  deviceNameSchema,
  manifestMediaType,
} from '../../protocol/api.ts';
import { audit } from '../database/audit.ts';
import { deviceExists, setRecoveryKey, tenant } from '../database/devices.ts';
import { addGeneration, desiredOf, type Leave } from '../database/generations.ts';
import { requireOperator } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { noSuchDevice } from '../no-such-device.ts';
import { problemResponses } from './problems.ts';

/** Of a resolved manifest; the language has its own, lower bounds on what is in it. */
const maxManifestBytes = 4 * 2 ** 20;

export function addDeployRoute(app: Api, context: ApiContext): void {
  const plugin: FastifyPluginCallback<FastifyPluginOptions, Server, ZodTypeProvider> = (scope, _, done) => {
    // The bytes are what the digest is of: they are stored as they came.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      [manifestMediaType, 'application/json'],
      { parseAs: 'buffer', bodyLimit: maxManifestBytes },
      (_request, body, parsed) => parsed(null, body),
    );
    addRoute(scope, context);
    done();
  };
  void app.register(plugin);
}

function addRoute(app: Api, context: ApiContext): void {
  app.put(
    '/v1/devices/:device/desired',
    {
      bodyLimit: maxManifestBytes,
      schema: {
        summary: 'Make a manifest the desired one',
        description: `The body is the resolved manifest in canonical JSON (RFC 8785), ${manifestMediaType}.`,
        params: z.object({ device: deviceNameSchema }),
        querystring: deployQuerySchema,
        response: { 200: deployResponseSchema, ...problemResponses },
        security: [{ operator: [] }],
      },
    },
    async (request) => {
      const { actor } = requireOperator(request);
      const { device } = request.params;
      const { recoveryKey, stage, now } = request.query;
      const leave = leaveOf({ stage: stage === 'true', now: now === 'true' });
      if (!(await deviceExists(context.db, device))) throw noSuchDevice(device);
      if (recoveryKey !== undefined) checkRecoveryKey(recoveryKey);
      const bytes = request.body instanceof Buffer ? request.body : Buffer.alloc(0);
      const { machine, digest } = readFor(device, bytes);
      await checkBundles(context, machine);
      return deploy(context, { actor, device, digest, bytes, recoveryKey, leave });
    },
  );
}

type Deploy = {
  readonly actor: string;
  readonly device: string;
  readonly digest: CanonicalManifest['digest'];
  readonly bytes: Uint8Array;
  readonly recoveryKey?: string | undefined;
  readonly leave: Leave | undefined;
  /** The generation that the operator goes back to. */
  readonly restored?: number;
};

/** Makes the manifest the desired one, and tells the device. */
export async function deploy({ db, now, devices, logger }: ApiContext, request: Deploy) {
  const { actor, device, digest, bytes, recoveryKey, leave, restored } = request;
  const { desired, unchanged } = await db.transaction().execute(async (transaction) => {
    const result = await addGeneration(transaction, now(), { device, digest, bytes, leave });
    if (recoveryKey !== undefined) await setRecoveryKey(transaction, device, recoveryKey);
    const { generation } = result.desired;
    const detail = {
      generation,
      digest,
      unchanged: result.unchanged,
      recoveryKey: recoveryKey !== undefined,
      ...(leave !== undefined && { leave }),
      ...(restored !== undefined && { restored }),
    };
    const action = restored === undefined ? 'device.deployed' : 'device.rolledBack';
    await audit(transaction, now(), { actor, action, device, detail });
    return result;
  });
  // Another deploy may have come in between: the newest is what the device should hear last.
  devices.announce({ tenant, device }, (await desiredOf(db, device)) ?? desired);
  logger.info('device.deployed', { device, generation: desired.generation, digest, unchanged });
  return { ...desired, unchanged };
}

function leaveOf({ stage, now }: { readonly stage: boolean; readonly now: boolean }): Leave | undefined {
  if (!stage) return now ? 'now' : undefined;
  if (!now) return 'hold';
  throw new SyncError('badRequest', 'A deploy cannot be both staged and live now', {
    hint: 'Give one of them.',
  });
}

export function readFor(device: string, bytes: Uint8Array): CanonicalManifest {
  const manifest = read(bytes);
  const { name } = manifest.machine.metadata;
  if (name === device) return manifest;
  throw new SyncError('badManifest', `The manifest is for ${name} and cannot be deployed to ${device}`, {
    hint: 'Deploy it to the device it names, or correct metadata.name.',
  });
}

function read(bytes: Uint8Array): CanonicalManifest {
  try {
    return readCanonicalManifest(bytes, digestOf(bytes));
  } catch (cause) {
    if (!(cause instanceof ManifestError)) throw cause;
    const { message, hint } = cause;
    throw new SyncError('badManifest', message, { cause, ...(hint !== undefined && { hint }) });
  }
}

/** Everything that is to come from our own registry must be there: a device would wait for it in vain. */
export async function checkBundles({ hasArtifact }: ApiContext, machine: Machine): Promise<void> {
  for (const { component, reference, digest } of references(machine)) {
    const parsed = parseImageReference(reference);
    if (parsed?.registry !== undefined || !parsed || digest === undefined) continue;
    if (await hasArtifact(parsed.repository, digest)) continue;
    throw new SyncError(
      'missingBundle',
      `${component} names ${reference}, which is not in this control plane's registry`,
      {
        hint: 'Push it first, or correct the reference.',
      },
    );
  }
}

function checkRecoveryKey(text: string): void {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64url'), type: 'spki', format: 'der' });
    if (key.asymmetricKeyType === 'ed25519') return;
  } catch {
    // Said below, as for a key of another kind.
  }
  throw new SyncError('badRequest', 'The recovery key is not an Ed25519 public key (SPKI, base64url)');
}
