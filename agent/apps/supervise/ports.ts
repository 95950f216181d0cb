import type { Logger } from '../../../lib/logger.ts';
import type { SecretStore } from '../../outside/secret-store.ts';
import type { Launcher } from '../ports.ts';
import type { Clock } from './clock.ts';

export type AppSupervisorOptions = {
  /** The agent's folder. */
  readonly root: string;
  readonly device: string;
  /** Of the local broker. */
  readonly mqttPort: number;
  readonly launcher: Launcher;
  readonly secrets: Pick<SecretStore, 'get' | 'onChange'>;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** In [0, 1) */
  readonly random?: () => number;
};
