import { deltaOfShadow, patchMetadata, type SectionsPatch, type Shadow } from './shadow-document.ts';

/** The codes that AWS IoT has for a refused request: they are those of HTTP. */
type RejectionCode = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 500;
export type Rejection = { readonly code: RejectionCode; readonly message: string };

export type UpdateRequest = {
  readonly state: SectionsPatch;
  readonly version?: number | undefined;
  readonly clientToken?: string | undefined;
};

type Token = string | undefined;

const token = (clientToken: Token) => (clientToken === undefined ? {} : { clientToken });

/** `update/accepted`: the patch as it came and when its values were set. */
export function acceptedMessage({ state, clientToken }: UpdateRequest, { version, timestamp }: Shadow) {
  return { state, metadata: patchMetadata(state, timestamp), version, timestamp, ...token(clientToken) };
}

/** `update/delta`, undefined when the device is what it should be. */
export function deltaMessage(shadow: Shadow, clientToken: Token) {
  const delta = deltaOfShadow(shadow);
  const { version, timestamp } = shadow;
  return delta && { ...delta, version, timestamp, ...token(clientToken) };
}

/** `update/documents`: the shadow before and after. */
export function documentsMessage(previous: Shadow, current: Shadow, clientToken: Token) {
  const bare = ({ state, metadata, version }: Shadow) => ({ state, metadata, version });
  return {
    previous: bare(previous),
    current: bare(current),
    timestamp: current.timestamp,
    ...token(clientToken),
  };
}

/** `get/accepted`, and what HTTP gives. */
export function documentMessage(shadow: Shadow, clientToken?: Token) {
  const { state, metadata, version, timestamp } = shadow;
  const delta = deltaOfShadow(shadow);
  return {
    state: { ...state, ...(delta && { delta: delta.state }) },
    metadata,
    ...{ version, timestamp },
    ...token(clientToken),
  };
}

export type ShadowDocument = ReturnType<typeof documentMessage>;

/** `delete/accepted`: the version with which it is gone. */
export function deletedMessage({ version, timestamp }: Shadow, clientToken: Token) {
  return { version, timestamp, ...token(clientToken) };
}

/** `…/rejected` */
export function rejectedMessage({ code, message }: Rejection, timestamp: number, clientToken: Token) {
  return { code, message, timestamp, ...token(clientToken) };
}
