import { measureApps } from '../observability/measure-apps.ts';
import type { AgentMeter } from '../observability/metrics.ts';
import type { Logger } from '../../lib/logger.ts';
import type { SecretStore } from '../outside/secret-store.ts';
import type { LaunchCapabilities } from './ports.ts';
import { openLauncher } from './run/open-launcher.ts';
import { AppSupervisor } from './supervise/app-supervisor.ts';

export type AgentApps = {
  readonly supervisor: AppSupervisor;
  readonly capabilities: LaunchCapabilities;
};

export type OpenAppsOptions = {
  readonly root: string;
  readonly device: string;
  readonly mqttPort: number;
  readonly secrets: Pick<SecretStore, 'get' | 'onChange'>;
  /** Told how apps are. */
  readonly meter?: AgentMeter;
  readonly logger: Logger;
};

/** What runs apps on this machine, with those that an earlier agent left running. `stack` ends the watch over them, not them. */
export async function openApps(options: OpenAppsOptions, stack: AsyncDisposableStack): Promise<AgentApps> {
  const { root, logger } = options;
  const launcher = stack.use(await openLauncher({ root, logger }));
  const supervisor = stack.use(await AppSupervisor.open({ ...options, launcher }));
  if (options.meter) stack.defer(measureApps(options.meter, supervisor));
  return { supervisor, capabilities: launcher.capabilities };
}
