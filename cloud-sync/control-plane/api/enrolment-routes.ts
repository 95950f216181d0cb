import { randomBytes } from 'node:crypto';
import { SyncError } from '../../errors.ts';
import {
  createTokenRequestSchema,
  createTokenResponseSchema,
  enrolRequestSchema,
  enrolResponseSchema,
  type EnrolResponse,
} from '../../protocol/api.ts';
import { checkCsr, formatEnrolmentToken } from '../../trust/index.ts';
import { audit } from '../database/audit.ts';
import { certificateStatus, replaceCertificate } from '../database/certificates.ts';
import { registerDevice, tenant } from '../database/devices.ts';
import {
  addEnrolmentToken,
  findEnrolmentToken,
  useEnrolmentToken,
  type EnrolmentTokenRow,
} from '../database/enrolment-tokens.ts';
import { requireOperator } from './authentication.ts';
import type { Api, ApiContext } from './context.ts';
import { problemResponses } from './problems.ts';

const secretBytes = 32;

export function addEnrolmentRoutes(app: Api, context: ApiContext): void {
  const { db, now, authority, addresses } = context;
  app.post(
    '/v1/enrolment-tokens',
    {
      schema: {
        summary: 'Make a token that enrols one device, once',
        body: createTokenRequestSchema,
        response: { 201: createTokenResponseSchema, ...problemResponses },
        security: [{ operator: [] }],
      },
    },
    async (request, reply) => {
      const { actor } = requireOperator(request);
      const { device, expiresInSeconds } = request.body;
      const secret = randomBytes(secretBytes).toString('base64url');
      const time = now();
      const expires = new Date(time.getTime() + expiresInSeconds * 1000);
      await db.transaction().execute(async (transaction) => {
        await registerDevice(transaction, time, device);
        await addEnrolmentToken(transaction, time, { secret, device, expires });
        const detail = { expires: expires.toISOString() };
        await audit(transaction, time, { actor, action: 'device.token.created', device, detail });
      });
      const token = formatEnrolmentToken({ url: addresses().url, ca: authority.caPin, device, secret });
      return reply.code(201).send({ token, device, expires: expires.toISOString() });
    },
  );

  app.post(
    '/v1/enrol',
    {
      schema: {
        summary: 'Exchange the secret of a token for a certificate',
        body: enrolRequestSchema,
        response: { 200: enrolResponseSchema, ...problemResponses },
      },
    },
    (request) => enrol(context, request.body),
  );
}

type EnrolRequest = { readonly device: string; readonly secret: string; readonly csr: string };

/** A secret belongs to the first key that uses it: that key is answered again, after a crash say, and no other. */
async function enrol(context: ApiContext, request: EnrolRequest): Promise<EnrolResponse> {
  const { keyDigest } = await checkCsr(request.csr);
  const token = await findEnrolmentToken(context.db, request.secret);
  if (token?.device !== request.device) throw badToken();
  if (token.used) return answerAgain(context, request, token.used, keyDigest);
  if (token.expires <= context.now()) throw expired(token);
  return enrolFirst(context, request, keyDigest);
}

async function enrolFirst(
  context: ApiContext,
  request: EnrolRequest,
  keyHash: string,
): Promise<EnrolResponse> {
  const { db, now, authority, devices } = context;
  const { device, secret, csr } = request;
  const issued = await authority.issueDevice({ csr, tenant, device });
  const { serial, certificatePem: certificate, notAfter } = issued;
  const won = await db.transaction().execute(async (transaction) => {
    const token = await findEnrolmentToken(transaction, secret);
    if (!token || token.used) return false;
    await replaceCertificate(transaction, now(), { serial, device, notAfter });
    await useEnrolmentToken(transaction, secret, { keyHash, certificate, serial });
    const entry = { actor: `device:${device}`, action: 'device.enrolled', device, detail: { serial } };
    await audit(transaction, now(), entry);
    return true;
  });
  // Two requests at once: the other one was first, and its answer may be ours too.
  if (!won) return enrol(context, request);
  await devices.cutOff(device);
  context.logger.info('device.enrolled', { device, serial });
  return enrolResponse(context, device, certificate);
}

async function answerAgain(
  context: ApiContext,
  { device }: EnrolRequest,
  used: NonNullable<EnrolmentTokenRow['used']>,
  keyHash: string,
): Promise<EnrolResponse> {
  if (used.keyHash !== keyHash) {
    throw new SyncError('tokenUsed', `The enrolment token for ${device} was used already, with another key`, {
      hint: 'Make a new token. If this was not you, revoke the device.',
    });
  }
  if ((await certificateStatus(context.db, used.serial, device)) !== 'valid') {
    throw new SyncError('revoked', `The certificate that this token gave ${device} was revoked since`, {
      hint: 'Make a new token.',
    });
  }
  return enrolResponse(context, device, used.certificate);
}

export function enrolResponse(
  { authority, addresses }: ApiContext,
  device: string,
  certificate: string,
): EnrolResponse {
  return { tenant, device, certificate, ca: authority.caPem, mqtt: addresses().mqttUrl };
}

const badToken = () =>
  new SyncError(
    'badToken',
    'The enrolment token is not one of this control plane, or is for another device',
    {
      hint: 'Make a new token.',
    },
  );

const expired = ({ device, expires }: EnrolmentTokenRow) =>
  new SyncError('tokenExpired', `The enrolment token for ${device} expired at ${expires.toISOString()}`, {
    hint: 'Make a new token.',
  });
