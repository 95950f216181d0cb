import type { Shadow } from '../../lib/shadow/shadow-document.ts';
import {
  acceptedMessage,
  deletedMessage,
  deltaMessage,
  documentsMessage,
  type UpdateRequest,
} from '../../lib/shadow/shadow-messages.ts';
import { changesOf } from './replica.ts';
import { shadowTopic } from './shadow-topics.ts';

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

/** What is said after the cloud changed a shadow: nothing when it is here as it was. */
export function mergedMessages(name: string, previous: Shadow, current: Shadow): LocalMessage[] {
  if (previous.version === current.version) return [];
  if (!current.exists) return deletedMessages(name, current);
  const { desired, reported } = changesOf(previous, current);
  const state = { ...(desired && { desired }), ...(reported && { reported }) };
  return updatedMessages(name, { state }, { previous, current });
}
