import type { BridgeStatus } from './bridge/bridge.ts';
import type { ListenersStatus } from './broker/listeners.ts';
import type { SessionStatus } from './broker/local-broker.ts';
import type { GatewayStatus } from './gateway/gateway.ts';
import type { FunctionStatus } from './triggers/function-status.ts';

export type DataPlaneStatus = {
  readonly mqtt: { readonly host: string; readonly port: number };
  /** Null before the first http trigger. */
  readonly http: GatewayStatus | null;
  readonly epoch: string;
  readonly streams: Record<string, { lastSeq: number; ackedSeq: number; backlog: number; bytes: number }>;
  readonly functions: Record<string, FunctionStatus>;
  readonly clients: number;
  readonly sessions: SessionStatus[];
  readonly bridges: Record<string, BridgeStatus>;
  /** Why nothing is relayed although there is a link. */
  readonly relayProblem: string | null;
} & ListenersStatus;
