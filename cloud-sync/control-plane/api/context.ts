import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Digest } from '../../../lib/digest.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { Command, Desired } from '../../protocol/messages.ts';
import type { DeviceAddress } from '../../protocol/topics.ts';
import type { IssuedDevice } from '../../trust/index.ts';
import type { Keep } from '../database/retention.ts';
import type { Database } from '../database/schema.ts';
import type { ShadowStore } from '../shadows/shadow-store.ts';
import type { VaultRules } from '../vault/vault-rules.ts';

export type Api = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What the routes use of the rest of the control plane. */
export type ApiContext = {
  readonly db: Database;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Where devices and tools reach us; known once the servers listen. */
  readonly addresses: () => { readonly url: string; readonly mqttUrl: string };
  readonly authority: {
    readonly caPem: string;
    readonly caPin: Digest;
    issueDevice(request: { csr: string; tenant: string; device: string }): Promise<IssuedDevice>;
  };
  readonly devices: {
    /** Tells the device, now or when it connects. */
    announce(address: DeviceAddress, desired: Desired): void;
    /** Ends its connection, as its certificate holds no more, and says that it is offline. */
    cutOff(device: string): Promise<void>;
    run(address: DeviceAddress, command: Command, options: { signal: AbortSignal }): Promise<unknown>;
  };
  readonly retention: { readonly defaults: Keep };
  readonly shadows: Pick<ShadowStore, 'list' | 'get' | 'update' | 'delete'>;
  readonly vaults: Pick<VaultRules, 'usage' | 'grant' | 'giveGrant' | 'endGrant' | 'setQuota' | 'resetQuota'>;
  /** Whether our own registry holds the manifest `digest` in `repository`. */
  readonly hasArtifact: (repository: string, digest: Digest) => Promise<boolean>;
};
