import type { Digest } from '../lib/digest.ts';
import type { AppSpec } from './app.ts';
import type { StreamSpec, VolumeSpec } from './data.ts';
import type { FunctionSpec } from './function.ts';
import type { Machine } from './machine.ts';
import type { BridgeSpec, ClientSpec, ListenerSpec, ObservabilitySpec } from './network.ts';
import type { ComponentId } from './references.ts';

/** What a section has after the step, and which of its names that adds, changes, removes. */
export type SectionChange = {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
};

/** One step of a plan. Each carries all that is needed to do it. */
export type Step =
  | {
      readonly kind: 'fetch';
      /** The first component that needs it. */
      readonly component: ComponentId;
      readonly reference: string;
      readonly digest: Digest;
      /** Size of what is behind the digest; null when it is not known beforehand. */
      readonly bytes: number | null;
    }
  | { readonly kind: 'configureMachine'; readonly settings: MachineSettings }
  | { readonly kind: 'createVolume' | 'configureVolume'; readonly name: string; readonly spec: VolumeSpec }
  /** The volume is no longer in the file. Its data is kept: removing data is a person's decision. */
  | { readonly kind: 'retainVolume'; readonly name: string }
  | ({
      readonly kind: 'configureStreams';
      readonly streams: Readonly<Record<string, StreamSpec>>;
    } & SectionChange)
  | ({
      readonly kind: 'configureClients';
      readonly clients: Readonly<Record<string, ClientSpec>>;
    } & SectionChange)
  | ({
      readonly kind: 'configureListeners';
      readonly listeners: Readonly<Record<string, ListenerSpec>>;
    } & SectionChange)
  | ({
      readonly kind: 'configureBridges';
      readonly bridges: Readonly<Record<string, BridgeSpec>>;
    } & SectionChange)
  | { readonly kind: 'configureObservability'; readonly observability: ObservabilitySpec }
  | { readonly kind: 'startFunction' | 'replaceFunction'; readonly name: string; readonly spec: FunctionSpec }
  | {
      readonly kind: 'reconfigureFunction';
      readonly name: string;
      readonly spec: FunctionSpec;
      /** Its limits or bindings changed: it goes on in a fresh isolate. */
      readonly restart: boolean;
    }
  | { readonly kind: 'stopFunction'; readonly name: string }
  | { readonly kind: 'startApp' | 'replaceApp'; readonly name: string; readonly spec: AppSpec }
  | { readonly kind: 'stopApp'; readonly name: string };

export type MachineSettings = {
  readonly labels: Machine['metadata']['labels'];
  readonly control: Machine['control'];
  readonly vault: Machine['vault'];
};

/** One line for people. */
export function summarize(step: Step): string {
  switch (step.kind) {
    case 'fetch':
      return `fetch ${step.component} ${step.reference}${step.bytes === null ? '' : ` (${step.bytes} bytes)`}`;
    case 'configureMachine':
      return 'change the labels, control plane or vault of the machine';
    case 'createVolume':
      return `create the volume ${step.name}`;
    case 'configureVolume':
      return `change the snapshots of the volume ${step.name}`;
    case 'retainVolume':
      return `keep the data of the volume ${step.name}, which is no longer in the file`;
    case 'configureStreams':
      return `configure streams: ${describeChange(step)}`;
    case 'configureClients':
      return `configure MQTT clients: ${describeChange(step)}`;
    case 'configureListeners':
      return `configure MQTT listeners: ${describeChange(step)}`;
    case 'configureBridges':
      return `configure MQTT bridges: ${describeChange(step)}`;
    case 'configureObservability':
      return 'change what is logged and measured';
    case 'startFunction':
      return `start the function ${step.name} from ${step.spec.bundle}`;
    case 'replaceFunction':
      return `replace the function ${step.name} by ${step.spec.bundle}`;
    case 'reconfigureFunction':
      return `reconfigure the function ${step.name}${step.restart ? ' and restart it' : ''}`;
    case 'stopFunction':
      return `stop the function ${step.name}`;
    case 'startApp':
      return `start the app ${step.name} from ${step.spec.image}`;
    case 'replaceApp':
      return `replace the app ${step.name} by ${step.spec.image}`;
    case 'stopApp':
      return `stop the app ${step.name}`;
    default:
      return step satisfies never;
  }
}

function describeChange({ added, changed, removed }: SectionChange): string {
  const part = (verb: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${verb} ${names.join(', ')}`];
  return [...part('add', added), ...part('change', changed), ...part('remove', removed)].join('; ');
}
