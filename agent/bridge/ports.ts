import type { IncomingMessage } from '../streams/bounds.ts';
import type { LocalStore } from '../streams/local-store.ts';

/** What bridges read, and where their cursors are. */
export type BridgeStore = Pick<LocalStore, 'records' | 'commit' | 'counts' | 'onCommit'>;

/**
 * Takes a message of another broker over, as one of a local client: on disk when it resolves, and on its way to local
 * subscribers. Rejects with AgentError, 'tooLarge' when it never will be taken.
 */
export type PublishHere = (message: IncomingMessage) => Promise<void>;
