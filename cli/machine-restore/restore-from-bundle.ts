import { restoreBundle, type RestoredBundle } from '../../agent/bundle-file/restore-bundle.ts';
import { agentRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { LabelledProgress } from '../labelled-progress.ts';
import type { Run } from '../run.ts';
import type { VaultSecret } from '../../cloud-sync/vault/keys/open-vault.ts';
import { askSecret, readPassphrase } from '../passphrase.ts';
import { quietLogger } from '../vault/quiet-logger.ts';
import { readRecoveryCode } from '../vault/vault-secret.ts';
import { RestoreReporter } from './restore-reporter.ts';
import { dataChoice, formatVolumes } from './data-choice.ts';
import type { RestoreOptions } from './restore-options.ts';

const labels = { verify: 'Verifying', copy: 'Copying', unpack: 'Unpacking' } as const;

/** Brings the machine of a bundle into the root, without any network. Called again it goes on where it was. */
export async function restoreFromBundle(run: Run, options: RestoreOptions, path: string): Promise<void> {
  refuseOthers(options);
  const root = agentRoot(run);
  using shown = new LabelledProgress(run);
  using reporter = new RestoreReporter(run, root);
  const restored = await restoreBundle({
    ...{ root, path, logger: quietLogger(run), signal: run.signal },
    data: options.data
      ? {
          secret: (machine) => {
            shown[Symbol.dispose]();
            return readSecret(run, options, machine.metadata.name);
          },
          choose: (machine) => ({
            ...dataChoice({ run, options, machine, root, reporter }),
            onEvent: (data) => reporter.show({ step: 'data', message: '', data }),
          }),
        }
      : 'none',
    onProgress: (step, done, total) => {
      const bar = shown.bar(labels[step]);
      if (total === 0) bar.text('the images');
      else bar.bytes(done, total);
    },
  });
  shown[Symbol.dispose]();
  reporter.pause();
  run.out.result({ root, ...restored }, () => formatRestored(restored, root));
}

/** Options of the other way back, which would do nothing here. */
function refuseOthers({ token, tokenFile, vaultLoginFile }: RestoreOptions): void {
  const given = { token, 'token-file': tokenFile, 'vault-login-file': vaultLoginFile };
  const name = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (name === undefined) return;
  throw new CliError('usage', `--${name} is for a machine file; a bundle is restored without a network.`, {
    hint: 'A token is taken by the first start: holdfast agent up --token TOKEN.',
  });
}

async function readSecret(run: Run, options: RestoreOptions, name: string): Promise<VaultSecret | undefined> {
  if (options.recoveryCodeFile !== undefined) return readRecoveryCode(run, options.recoveryCodeFile);
  const given = await readPassphrase(run, options);
  const text = given ?? (run.io.stdin.isTTY ? await askSecret(run, `Passphrase of ${name}: `) : '');
  return text === '' ? undefined : { kind: 'passphrase', text };
}

function formatRestored(
  { device, digest, functions, apps, volumes, data, enrolled }: RestoredBundle,
  root: string,
): string {
  return [
    `${device} is back (${digest})`,
    ...Object.entries(apps).map(([name, image]) => `  app ${name}  ${image}`),
    ...Object.entries(functions).map(([name, bundle]) => `  function ${name}  ${bundle}`),
    ...formatVolumes(data),
    ...(volumes.length === 0 || data ? [] : [`  volumes ${volumes.join(', ')}  empty`]),
    ...(enrolled
      ? []
      : ['It is not enrolled: it runs without a cloud, until holdfast agent up --token TOKEN.']),
    `Start it with: holdfast agent up --root ${root}`,
  ].join('\n');
}
