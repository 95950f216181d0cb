import type { UpdateRequest } from '../../lib/shadow/shadow-messages.ts';
import {
  readBareRequest,
  readUpdate,
  type BareRequest,
  type Outcome,
} from '../../lib/shadow/shadow-request.ts';
import { deletedMessages, updatedMessages, type LocalMessage } from './local-messages.ts';
import { deleteHere, updateHere, type Replica } from './replica.ts';

/** A change of one shadow, whoever makes it. */
export type ReplicaStep = {
  /** Makes the next one of it; may run again when somebody changed it meanwhile. `timestamp`: seconds since 1970. */
  readonly next: (replica: Replica, timestamp: number) => Outcome<Replica>;
  /** What is said on this device about it. */
  readonly messages: (previous: Replica, current: Replica) => readonly LocalMessage[];
};

export function updateStep(name: string, request: UpdateRequest): ReplicaStep {
  return {
    next: (replica, timestamp) => updateHere(replica, request, timestamp),
    messages: ({ local: previous }, { local: current }) =>
      updatedMessages(name, request, { previous, current }),
  };
}

export function deleteStep(name: string, { version, clientToken }: BareRequest): ReplicaStep {
  return {
    next: (replica, timestamp) => deleteHere(replica, { name, version }, timestamp),
    messages: (_, { local }) => deletedMessages(name, local, clientToken),
  };
}

/** What the payload of a request to change a shadow asks. */
export function readStep(
  { name, verb }: { readonly name: string; readonly verb: 'update' | 'delete' },
  payload: Uint8Array,
): Outcome<ReplicaStep> {
  if (verb === 'update') return mapped(readUpdate(payload), (request) => updateStep(name, request));
  return mapped(readBareRequest(payload), (request) => deleteStep(name, request));
}

function mapped<A, B>({ accepted, rejected }: Outcome<A>, change: (accepted: A) => B): Outcome<B> {
  return rejected ? { rejected } : { accepted: change(accepted) };
}
