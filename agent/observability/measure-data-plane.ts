import type { StreamSpec } from '../../manifests/data.ts';
import { measureBridges } from './measure-bridges.ts';
import { measureBroker } from './measure-broker.ts';
import { measureFunctions } from './measure-functions.ts';
import { measureStreams } from './measure-streams.ts';
import type { AgentMeter } from './metrics.ts';

type Parts = {
  readonly store: Parameters<typeof measureStreams>[1];
  readonly broker: Parameters<typeof measureBroker>[1];
  readonly bridges: Parameters<typeof measureBridges>[1];
  readonly lanes: Parameters<typeof measureFunctions>[1];
  /** Of the generation, the device's own with them. */
  readonly streams: () => Readonly<Record<string, Pick<StreamSpec, 'relay'>>>;
};

/** Everything of the data plane that is read at each snapshot. */
export function measureDataPlane(meter: AgentMeter, { store, broker, bridges, lanes, streams }: Parts): void {
  measureStreams(meter, store, () =>
    Object.entries(streams()).map(([name, { relay }]) => [name, relay !== undefined] as const),
  );
  measureFunctions(meter, lanes);
  measureBroker(meter, broker);
  measureBridges(meter, bridges);
}
