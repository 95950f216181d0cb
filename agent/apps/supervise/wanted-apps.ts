import type { Digest } from '../../../lib/digest.ts';
import { runOf, type AppSpec, type RunSpec } from '../../../manifests/app.ts';
import type { Machine } from '../../../manifests/machine.ts';
import { AgentError } from '../../errors.ts';
import type { AppImages, LaunchSpec, StoredImage } from '../ports.ts';
import { specDigestOf } from '../spec-digest.ts';
import { findUser } from './find-user.ts';
import { launchSpecOf, type Place } from './launch-spec-of.ts';
import { readAccounts } from './read-accounts.ts';
import { stopSignalOf } from './stop-signal.ts';

/** An app of a generation that is to run, with all that its supervision needs. */
export type WantedApp = {
  readonly name: string;
  readonly spec: AppSpec;
  readonly run: RunSpec;
  readonly launch: LaunchSpec;
  readonly digest: Digest;
  readonly stopSignal: string;
};

/** Apps that run, by name; without those that are only exported or served. Rejects with AgentError 'badImage'. */
export async function wantedApps(
  { apps }: Pick<Machine, 'apps'>,
  images: AppImages,
  place: Place,
): Promise<Map<string, WantedApp>> {
  const wanted = new Map<string, WantedApp>();
  for (const [name, spec] of Object.entries(apps)) {
    const run = runOf(spec);
    if (run) wanted.set(name, await wantedApp({ app: name, spec, run, image: imageOf(name, images), place }));
  }
  return wanted;
}

type Request = Omit<Parameters<typeof launchSpecOf>[0], 'user'>;

async function wantedApp(request: Request): Promise<WantedApp> {
  const { app: name, spec, run, image } = request;
  const launch = launchSpecOf({ ...request, user: await userOf(request) });
  const stopSignal = stopSignalOf(run.stop.signal, image.config.config?.StopSignal);
  return { name, spec, run, launch, digest: specDigestOf(launch), stopSignal };
}

/** The image's accounts mean nothing to a plain process: it is of the machine's, and by default the agent's own. */
async function userOf({ app, spec, run, image }: Request): Promise<LaunchSpec['user']> {
  const isProcess = spec.isolation === 'process';
  if (isProcess && run.user === undefined)
    return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, groups: [] };
  const user = run.user ?? image.config.config?.User ?? '';
  return findUser(user, await readAccounts(isProcess ? '/' : image.rootfs), app);
}

function imageOf(app: string, images: AppImages): StoredImage {
  const image = images.get(app);
  if (image) return image;
  throw new AgentError('corrupt', `The image of app ${app} is not on this device`, {
    hint: 'It is fetched again when the device can reach its registry.',
  });
}

/** Whether what runs for one may go on for the other. */
export function isSameRun(one: WantedApp, other: WantedApp): boolean {
  return one.digest === other.digest && one.run.secrets.join() === other.run.secrets.join();
}
