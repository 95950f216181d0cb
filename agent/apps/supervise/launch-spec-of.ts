import { join } from 'node:path';
import type { AppSpec, RunSpec } from '../../../manifests/app.ts';
import { AgentError } from '../../errors.ts';
import type { AppMount, LaunchSpec, StoredImage } from '../ports.ts';

/** What an app is told of where it runs. */
export type Place = {
  /** The agent's folder. */
  readonly root: string;
  readonly device: string;
  readonly mqttPort: number;
  /** The folder that holds a folder of secrets for each app. */
  readonly secrets: string;
};

export type LaunchRequest = {
  readonly app: string;
  readonly spec: AppSpec;
  readonly run: RunSpec;
  readonly image: StoredImage;
  readonly user: LaunchSpec['user'];
  readonly place: Place;
};

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const secretsTarget = '/run/secrets';
const sharedTarget = '/run/holdfast';

/** The folder that an app and the agent share. */
export function sharedFolder(root: string, app: string): string {
  return join(root, 'apps', 'shared', app);
}

export function volumeFolder(root: string, volume: string): string {
  return join(root, 'volumes', volume);
}

/** What is to run: of the manifest, and of the image what the manifest leaves open. Throws AgentError 'badImage', 'noRuntime'. */
export function launchSpecOf(request: LaunchRequest): LaunchSpec {
  const { app, spec, run, image, user } = request;
  const network = networkOf(request);
  return {
    app,
    image: image.digest,
    rootfs: image.rootfs,
    isolation: spec.isolation,
    args: argsOf(request),
    env: environmentOf(request, network),
    cwd: run.workdir ?? folderOf(image),
    user,
    mounts: mountsOf(request),
    network,
    limits: { memoryBytes: run.limits.memory, cpuCores: run.limits.cpu, pids: run.limits.pids },
  };
}

/** Nothing keeps a plain process from the machine's network. */
function networkOf({ app, spec: { isolation }, run }: LaunchRequest): LaunchSpec['network'] {
  if (isolation !== 'process') return run.network ?? (run.ports.length > 0 ? 'host' : 'none');
  if (run.network !== 'none') return 'host';
  throw new AgentError('noRuntime', `App ${app} cannot be kept off the network as a plain process`, {
    hint: `Give apps.${app} isolation: sandbox or container, or run.network: host.`,
  });
}

/** An image may say that it has none by an empty text. */
function folderOf({ config }: StoredImage): string {
  const folder = config.config?.WorkingDir ?? '';
  return folder === '' ? '/' : folder;
}

function argsOf({ app, run, image }: LaunchRequest): readonly string[] {
  const { Entrypoint, Cmd } = image.config.config ?? {};
  const args = run.command ?? [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (args.length > 0 && args[0] !== '') return args;
  throw new AgentError('badImage', `The image of app ${app} does not say what to run`, {
    hint: `Name it in the manifest: apps.${app}.run.command.`,
  });
}

/** Later ones win: the image's, ours, the manifest's. In the order of their names, so that it is the same each time. */
function environmentOf({ app, spec, run, image, place }: LaunchRequest, network: 'host' | 'none'): string[] {
  const isInside = spec.isolation !== 'process';
  const at = (inside: string, outside: string) => (isInside ? inside : outside);
  const environment = new Map<string, string>([
    ['PATH', defaultPath],
    ...pairsOf(image.config.config?.Env ?? []),
    ['HOLDFAST_APP', app],
    ['HOLDFAST_DEVICE', place.device],
    ['HOLDFAST_SHARED', at(sharedTarget, sharedFolder(place.root, app))],
    ...Object.entries(spec.volumes).map(([target, volume]): [string, string] => [
      `HOLDFAST_VOLUME_${volume.toUpperCase().replaceAll('-', '_')}`,
      at(target, volumeFolder(place.root, volume)),
    ]),
  ]);
  // Without the machine's network there is no way to it.
  if (network === 'host' || !isInside)
    environment.set('HOLDFAST_MQTT_URL', `mqtt://127.0.0.1:${place.mqttPort}`);
  if (run.secrets.length > 0)
    environment.set('CREDENTIALS_DIRECTORY', at(secretsTarget, join(place.secrets, app)));
  for (const [name, value] of Object.entries(run.env)) environment.set(name, value);
  return [...environment].map(([name, value]) => `${name}=${value}`).sort();
}

function pairsOf(env: readonly string[]): [string, string][] {
  return env.flatMap((entry) => {
    const [, name, value] = /^([^=\0]+)=([^\0]*)$/s.exec(entry) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value]];
  });
}

/** Outer targets before those below them. */
function mountsOf({ app, spec, run, place }: LaunchRequest): AppMount[] {
  const volumes = Object.entries(spec.volumes).map(([target, volume]): AppMount => ({
    ...{ source: volumeFolder(place.root, volume), target, readOnly: false },
  }));
  const shared: AppMount = {
    ...{ source: sharedFolder(place.root, app), target: sharedTarget, readOnly: false },
  };
  const secrets: AppMount = {
    ...{ source: join(place.secrets, app), target: secretsTarget, readOnly: true },
  };
  const all = [...volumes, shared, ...(run.secrets.length > 0 ? [secrets] : [])];
  return all.sort((a, b) => (a.target < b.target ? -1 : 1));
}
