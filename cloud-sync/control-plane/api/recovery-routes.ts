import { SyncError } from '../../errors.ts';
import {
  challengeRequestSchema,
  challengeResponseSchema,
  enrolResponseSchema,
  recoveryRequestSchema,
} from '../../protocol/api.ts';
import { recoveryMessage, verifyRecoverySignature } from '../../trust/index.ts';
import { audit } from '../database/audit.ts';
import { replaceCertificate } from '../database/certificates.ts';
import { recoveryKeyOf, tenant } from '../database/devices.ts';
import type { Api, ApiContext } from './context.ts';
import { enrolResponse } from './enrolment-routes.ts';
import { problemResponses } from './problems.ts';
import { RecoveryNonces } from './recovery-nonces.ts';

/** A blank machine takes its identity again, by the owner's key. [G9] */
export function addRecoveryRoutes(app: Api, context: ApiContext): void {
  const { db, now, authority, devices, logger } = context;
  const nonces = new RecoveryNonces(now);

  app.post(
    '/v1/recovery/challenge',
    {
      schema: {
        summary: 'A nonce for a recovery request; good for five minutes, once',
        body: challengeRequestSchema,
        response: { 200: challengeResponseSchema, ...problemResponses },
      },
    },
    // An unknown device gets one too: the answer tells nobody which devices there are.
    (request) => ({ nonce: nonces.create(request.body.device) }),
  );

  app.post(
    '/v1/recovery',
    {
      schema: {
        summary: "Exchange a signature of the device's recovery key for a certificate",
        description: 'Older certificates of the device are revoked and its relay epochs closed.',
        body: recoveryRequestSchema,
        response: { 200: enrolResponseSchema, ...problemResponses },
      },
    },
    async (request) => {
      const { device, nonce, csr, signature } = request.body;
      if (!nonces.isGood(device, nonce)) throw refused(device);
      const publicKey = await recoveryKeyOf(db, device);
      const message = recoveryMessage({ device, nonce, csr });
      if (publicKey === undefined || !verifyRecoverySignature({ publicKey, message, signature })) {
        throw refused(device);
      }
      nonces.use(nonce);
      const issued = await authority.issueDevice({ csr, tenant, device });
      const { serial, notAfter, certificatePem } = issued;
      await db.transaction().execute(async (transaction) => {
        await replaceCertificate(transaction, now(), { serial, device, notAfter });
        const entry = { actor: `device:${device}`, action: 'device.recovered', device, detail: { serial } };
        await audit(transaction, now(), entry);
      });
      await devices.cutOff(device);
      logger.warn('device.recovered', { device, serial });
      return enrolResponse(context, device, certificatePem);
    },
  );
}

const refused = (device: string) =>
  new SyncError('forbidden', `The recovery of ${device} was refused`, {
    hint: 'The machine file must be the one of its last deploy with a recovery key. Otherwise enrol it with a new token.',
  });
