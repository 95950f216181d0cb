import { restoreBundle, type RestoredBundle } from '../../agent/bundle-file/restore-bundle.ts';
import { agentRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { LabelledProgress } from '../labelled-progress.ts';
import type { Run } from '../run.ts';
import { quietLogger } from '../vault/quiet-logger.ts';
import type { RestoreOptions } from './restore-from-file.ts';

const labels = { verify: 'Verifying', copy: 'Copying', unpack: 'Unpacking' } as const;

/** Brings the machine of a bundle into the root, without any network. Called again it goes on where it was. */
export async function restoreFromBundle(run: Run, options: RestoreOptions, path: string): Promise<void> {
  refuseOthers(options);
  const root = agentRoot(run);
  using shown = new LabelledProgress(run);
  const restored = await restoreBundle({
    ...{ root, path, logger: quietLogger(run), signal: run.signal },
    onProgress: (step, done, total) => {
      const bar = shown.bar(labels[step]);
      if (total === 0) bar.text('the images');
      else bar.bytes(done, total);
    },
  });
  shown[Symbol.dispose]();
  run.out.result({ root, ...restored }, () => formatRestored(restored, root));
}

/** Options of the other way back, which would do nothing here. */
function refuseOthers({
  at,
  volume,
  token,
  tokenFile,
  recoveryCodeFile,
  vaultLoginFile,
}: RestoreOptions): void {
  const given = {
    at,
    token: token,
    'token-file': tokenFile,
    'recovery-code-file': recoveryCodeFile,
    'vault-login-file': vaultLoginFile,
  };
  const name =
    Object.entries(given).find(([, value]) => value !== undefined)?.[0] ??
    (volume.length > 0 ? 'volume' : undefined);
  if (name === undefined) return;
  throw new CliError('usage', `--${name} is for a machine file; a bundle is restored without a network.`, {
    hint: 'A token is taken by the first start: holdfast agent up --token TOKEN.',
  });
}

function formatRestored(
  { device, digest, functions, apps, volumes, enrolled }: RestoredBundle,
  root: string,
): string {
  return [
    `${device} is back (${digest})`,
    ...Object.entries(apps).map(([name, image]) => `  app ${name}  ${image}`),
    ...Object.entries(functions).map(([name, bundle]) => `  function ${name}  ${bundle}`),
    ...(volumes.length === 0 ? [] : [`  volumes ${volumes.join(', ')}  empty: the bundle has no data`]),
    ...(enrolled
      ? []
      : ['It is not enrolled: it runs without a cloud, until holdfast agent up --token TOKEN.']),
    `Start it with: holdfast agent up --root ${root}`,
  ].join('\n');
}
