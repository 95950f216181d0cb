import type { JsonObject } from '../../lib/shadow/json.ts';
import { diff, merge, without } from '../../lib/shadow/merge.ts';
import {
  absentShadow,
  applyPatch,
  deleted,
  type SectionsPatch,
  type Shadow,
} from '../../lib/shadow/shadow-document.ts';
import type { UpdateRequest } from '../../lib/shadow/shadow-messages.ts';
import { remove, update, type BareRequest, type Outcome } from '../../lib/shadow/shadow-request.ts';

/**
 * A shadow on the device: what it is here, and what the cloud has as far as is known here. What differs waits to go up; there is no
 * log of updates, so nothing grows while the device is offline. Versions of the two are counted apart.
 */
export type Replica = {
  readonly cloud: Shadow;
  readonly local: Shadow;
  /** It was deleted here, and what the cloud has is to be deleted too, before anything that came after goes up. */
  readonly deleting: boolean;
};

export const emptyReplica: Replica = { cloud: absentShadow, local: absentShadow, deleting: false };

/** What is to be told to the cloud next. */
export type Upward =
  | { readonly verb: 'update'; readonly request: UpdateRequest }
  | { readonly verb: 'delete'; readonly request: BareRequest };

/** Neither here nor there is anything to remember. */
export function isForgotten({ cloud, local, deleting }: Replica): boolean {
  return !cloud.exists && !local.exists && !deleting;
}

export function updateHere(replica: Replica, request: UpdateRequest, timestamp: number): Outcome<Replica> {
  const { accepted: local, rejected } = update(replica.local, request, timestamp);
  return rejected ? { rejected } : { accepted: { ...replica, local } };
}

export function deleteHere(
  replica: Replica,
  request: { readonly name: string; readonly version?: number | undefined },
  timestamp: number,
): Outcome<Replica> {
  const { accepted: local, rejected } = remove(replica.local, request, timestamp);
  return rejected ? { rejected } : { accepted: { ...replica, local, deleting: replica.cloud.exists } };
}

/**
 * What is reported goes up as it is: about that the device is right. What is desired goes up only if the cloud has not moved on:
 * `cloudBecame` then drops what the cloud decided otherwise. Undefined when the cloud has everything.
 */
export function nextUpward({ cloud, local, deleting }: Replica): Upward | undefined {
  const version = cloud.exists ? cloud.version : 0;
  if (deleting) return { verb: 'delete', request: { version } };
  const { desired, reported } = changesOf(cloud, local);
  if (reported) return { verb: 'update', request: { state: { reported } } };
  if (desired) return { verb: 'update', request: { state: { desired }, version } };
  return local.exists && !cloud.exists ? { verb: 'update', request: { state: {} } } : undefined;
}

/**
 * The cloud has `after` now. Of what was changed here and is not known there, reported values stay; desired ones stay unless the
 * cloud changed them too. A deletion holds unless the cloud changed the shadow.
 */
export function cloudBecame(replica: Replica, after: Shadow): Replica {
  const { cloud: before, local, deleting } = replica;
  const stillDeleting = deleting && after.exists && after.version === before.version;
  if (stillDeleting) return { ...replica, cloud: after };
  const base = deleting ? absentShadow : before;
  const mine = changesOf(base, local);
  const theirs = diff(before.state.desired ?? {}, after.state.desired ?? {});
  const desired = mine.desired && theirs ? without(mine.desired, theirs) : mine.desired;
  const isMade = local.exists && !base.exists;
  return {
    cloud: after,
    local: rebase(local, after, { desired, reported: mine.reported, isMade }),
    deleting: false,
  };
}

/** The cloud does not take what is here: what it has holds. */
export function surrender({ cloud, local }: Replica): Replica {
  return { cloud, local: withVersionOf(local, cloud), deleting: false };
}

/** An update that the cloud told of; undefined when one before it is missing here, and the replica itself when it is known already. */
export function cloudUpdated(
  replica: Replica,
  told: { readonly state: SectionsPatch; readonly version: number; readonly timestamp: number },
): Replica | undefined {
  const { cloud } = replica;
  if (told.version <= cloud.version) return replica;
  if (told.version !== cloud.version + 1) return undefined;
  return cloudBecame(replica, applyPatch(cloud, told.state, told.timestamp));
}

/** The same for a deletion. */
export function cloudDeleted(
  replica: Replica,
  told: { readonly version: number; readonly timestamp: number },
): Replica | undefined {
  const { cloud } = replica;
  if (told.version <= cloud.version) return replica;
  if (told.version !== cloud.version + 1) return undefined;
  return cloudBecame(replica, deleted(cloud, told.timestamp));
}

/** How `to` differs from `from`, as patches. */
export function changesOf({ state: from }: Shadow, { state: to }: Shadow) {
  return {
    desired: diff(from.desired ?? {}, to.desired ?? {}),
    reported: diff(from.reported ?? {}, to.reported ?? {}),
  };
}

type Mine = {
  readonly desired: JsonObject | undefined;
  readonly reported: JsonObject | undefined;
  readonly isMade: boolean;
};

/** `after` with what is kept of the changes here; what the cloud has just the same is as old as it is there. */
function rebase(local: Shadow, after: Shadow, { desired, reported, isMade }: Mine): Shadow {
  const patch = {
    desired: effectOf(after.state.desired, desired),
    reported: effectOf(after.state.reported, reported),
  };
  const isAsThere = !patch.desired && !patch.reported && (after.exists || !isMade);
  return withVersionOf(local, isAsThere ? after : applyPatch(after, patch, local.timestamp));
}

function effectOf(section: JsonObject = {}, patch: JsonObject | undefined): JsonObject | undefined {
  return patch && diff(section, merge(section, patch));
}

/** Versions here count what could be seen here. */
function withVersionOf(local: Shadow, next: Shadow): Shadow {
  const { desired, reported } = changesOf(local, next);
  const isSame = !desired && !reported && local.exists === next.exists;
  return { ...next, version: isSame ? local.version : local.version + 1 };
}
