import { filterCovers } from '../../../lib/topic-filter.ts';
import { deviceTopics, parseUpTopic, type UpTopic } from '../../protocol/topics.ts';
import type { DeviceIdentity, Identity } from '../identity.ts';

/** CONNACK return codes, MQTT 3.1.1 §3.2.2.3. */
const returnCodes = {
  identifierRejected: 2,
  serverUnavailable: 3,
  badCredentials: 4,
  notAuthorized: 5,
} as const;
export type Refusal = { readonly returnCode: 2 | 3 | 4 | 5; readonly reason: string };

/** Why a client may not connect, or undefined when it may. */
export function connectRefusal(identity: Identity, clientId: string): Refusal | undefined {
  switch (identity.kind) {
    case 'device':
      // The certificate is the identity; a client id of its own could only be a mistake or a theft.
      return clientId === identity.device
        ? undefined
        : {
            returnCode: returnCodes.identifierRejected,
            reason: `the client id is not the device's name ${identity.device}`,
          };
    case 'operator':
      return undefined;
    case 'anonymous':
      return {
        returnCode: returnCodes.badCredentials,
        reason: 'neither a client certificate nor an operator token',
      };
    case 'refused':
      return { returnCode: returnCodes.notAuthorized, reason: identity.reason };
    default:
      return identity satisfies never;
  }
}

/** Devices say what the protocol lets them, on their own topics; nobody else publishes here. Last wills too. */
export function publishRight(
  identity: Identity | undefined,
  topic: string,
): { readonly source: DeviceIdentity; readonly up: UpTopic } | undefined {
  if (identity?.kind !== 'device') return undefined;
  const up = parseUpTopic(identity, topic);
  return up && { source: identity, up };
}

const operatorFilters = ['hf/#', 't/#'];

export function maySubscribe(identity: Identity | undefined, filter: string): boolean {
  if (identity?.kind === 'operator') return operatorFilters.some((granted) => filterCovers(granted, filter));
  return identity?.kind === 'device' && filterCovers(`${deviceTopics(identity).prefix}/#`, filter);
}

/** Whether a filter that a client may subscribe to selects relayed messages. */
export const isRepublished = (filter: string): boolean => filter.startsWith('t/');
