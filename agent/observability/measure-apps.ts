import type { AppSupervisor } from '../apps/supervise/app-supervisor.ts';
import type { AgentMeter } from './metrics.ts';

/** How apps are at each snapshot. Returns how to stop. */
export function measureApps(meter: AgentMeter, apps: Pick<AppSupervisor, 'status'>): () => void {
  return meter.observe((report) => {
    for (const [app, { restarts, started, isWell }] of Object.entries(apps.status())) {
      report('holdfast.app.up', started === null ? 0 : 1, { app });
      report('holdfast.app.well', isWell ? 1 : 0, { app });
      report('holdfast.app.restarts', restarts, { app });
    }
  });
}
