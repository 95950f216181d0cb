import type { Shadow } from '../../lib/shadow/shadow-document.ts';
import {
  acceptedMessage,
  deletedMessage,
  deltaMessage,
  documentsMessage,
  rejectedMessage,
  type Rejection,
  type UpdateRequest,
} from '../../lib/shadow/shadow-messages.ts';
import { tokenIn } from '../../lib/shadow/shadow-request.ts';
import { changesOf } from './replica.ts';
import { shadowTopic, type ShadowRequestTopic } from './shadow-topics.ts';

export type LocalMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 1;
  readonly retain: false;
  readonly contentType: string;
};

export function localMessage(name: string, tail: string, body: object): LocalMessage {
  const payload = Buffer.from(JSON.stringify(body));
  return { topic: shadowTopic(name, tail), payload, qos: 1, retain: false, contentType: 'application/json' };
}

/** What is said on this device after `request` changed a shadow. */
export function updatedMessages(
  name: string,
  request: UpdateRequest,
  { previous, current }: { readonly previous: Shadow; readonly current: Shadow },
): LocalMessage[] {
  const { clientToken } = request;
  const delta = deltaMessage(current, clientToken);
  return [
    localMessage(name, 'update/accepted', acceptedMessage(request, current)),
    ...(delta ? [localMessage(name, 'update/delta', delta)] : []),
    localMessage(name, 'update/documents', documentsMessage(previous, current, clientToken)),
  ];
}

export function deletedMessages(name: string, gone: Shadow, clientToken?: string): LocalMessage[] {
  return [localMessage(name, 'delete/accepted', deletedMessage(gone, clientToken))];
}

/** `payload`: of the request, whose token is given back even when nothing else of it can be read. */
export function rejectionMessage(
  { name, verb }: ShadowRequestTopic,
  rejection: Rejection,
  { payload, now }: { readonly payload: Uint8Array; readonly now: Date },
): LocalMessage {
  const timestamp = Math.floor(now.getTime() / 1000);
  return localMessage(name, `${verb}/rejected`, rejectedMessage(rejection, timestamp, tokenIn(payload)));
}

/** What is said after the cloud changed a shadow: nothing when it is here as it was. */
export function mergedMessages(name: string, previous: Shadow, current: Shadow): LocalMessage[] {
  if (previous.version === current.version) return [];
  if (!current.exists) return deletedMessages(name, current);
  const { desired, reported } = changesOf(previous, current);
  const state = { ...(desired && { desired }), ...(reported && { reported }) };
  return updatedMessages(name, { state }, { previous, current });
}
