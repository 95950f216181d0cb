import {
  acceptedMessage,
  deletedMessage,
  deltaMessage,
  documentsMessage,
  type UpdateRequest,
} from '../../../lib/shadow/shadow-messages.ts';
import type { Shadow } from '../../../lib/shadow/shadow-document.ts';
import { deviceTopics, type DeviceAddress } from '../../protocol/topics.ts';
import type { OutgoingMessage } from '../broker/ingest.ts';

/** What is said on the topics of a shadow after it was updated. */
export function updateMessages(
  { address, name }: { readonly address: DeviceAddress; readonly name: string },
  request: UpdateRequest,
  { previous, current }: { readonly previous: Shadow; readonly current: Shadow },
): OutgoingMessage[] {
  const { shadow } = deviceTopics(address);
  const delta = deltaMessage(current, request.clientToken);
  const message = (tail: string, body: object) => ({
    topic: shadow(name, tail),
    payload: JSON.stringify(body),
  });
  return [
    message('update/accepted', acceptedMessage(request, current)),
    ...(delta ? [message('update/delta', delta)] : []),
    message('update/documents', documentsMessage(previous, current, request.clientToken)),
  ];
}

/** What is said after it was deleted. */
export function deleteMessage(
  { address, name }: { readonly address: DeviceAddress; readonly name: string },
  gone: Shadow,
  clientToken: string | undefined,
): OutgoingMessage {
  const topic = deviceTopics(address).shadow(name, 'delete/accepted');
  return { topic, payload: JSON.stringify(deletedMessage(gone, clientToken)) };
}
