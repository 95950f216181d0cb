import { restoreMachine, type Restored } from '../../agent/restore.ts';
import type { Phase } from '../../cloud-sync/protocol/messages.ts';
import type { Machine } from '../../manifests/index.ts';
import { readToken } from '../commands/agent-up.ts';
import { agentRoot } from '../context.ts';
import { readManifest } from '../manifest-file.ts';
import { askSecret, readPassphrase } from '../passphrase.ts';
import type { Run } from '../run.ts';
import { quietLogger } from '../vault/quiet-logger.ts';
import { shortId } from '../vault/snapshot-text.ts';
import { readRecoveryCode, readSecret } from '../vault/vault-secret.ts';
import { dataChoice, formatVolumes } from './data-choice.ts';
import type { RestoreOptions } from './restore-options.ts';
import { RestoreReporter } from './restore-reporter.ts';

/** Brings the machine of the file back into the root, data and all. Called again it goes on where it was. */
export async function restoreFromFile(run: Run, options: RestoreOptions, path: string): Promise<void> {
  const { out, signal } = run;
  const logger = quietLogger(run);
  const { machine, document } = await readManifest(run, path);
  const secrets = await readSecrets(run, options, machine);
  const root = agentRoot(run);
  using reporter = new RestoreReporter(run, root);
  const restored = await restoreMachine({
    ...{ root, machine, document, ...secrets, logger, signal },
    data: options.data ? dataChoice({ run, options, machine, root, reporter }) : 'none',
    onProgress: (event) => reporter.show(event),
  });
  reporter.pause();
  if (restored.newerThanFile)
    out.note("Note: the cloud wants another manifest than this file holds; the cloud's was restored.");
  if (restored.passedOver) out.note(formatPassedOver(restored.passedOver));
  out.result({ root, ...restored }, () => formatRestored(restored, root));
}

/** The passphrase is asked for where there is a terminal, and neither a token nor a recovery code makes it needless. */
async function readSecrets(
  run: Run,
  options: RestoreOptions,
  { metadata: { name }, volumes, vault }: Machine,
) {
  const token = await readToken(run, options);
  const code =
    options.recoveryCodeFile === undefined
      ? undefined
      : (await readRecoveryCode(run, options.recoveryCodeFile)).text;
  const wantsData = options.data && code === undefined && vault?.owner !== undefined;
  const isNeeded = token === undefined || (wantsData && Object.keys(volumes).length > 0);
  const given = await readPassphrase(run, options);
  const passphrase =
    given ?? (isNeeded && run.io.stdin.isTTY ? await askSecret(run, `Passphrase of ${name}: `) : undefined);
  const login =
    options.vaultLoginFile === undefined
      ? undefined
      : await readSecret(run, options.vaultLoginFile, 'vault login file');
  return {
    ...(passphrase !== undefined && passphrase !== '' && { passphrase }),
    ...(token !== undefined && { token }),
    ...(code !== undefined && { recoveryCode: code }),
    ...(login !== undefined && { vaultLogin: login }),
  };
}

function formatPassedOver({ generation, phase, reason }: NonNullable<Restored['passedOver']>): string {
  const fate = phase === null ? undefined : fates[phase];
  const why = fate === undefined ? 'is held back.' : `${fate}${reason === null ? '.' : `: ${reason}`}`;
  return `Note: generation ${generation}, which the cloud wants, ${why}\nWhat ran before it was restored.`;
}

const fates: Partial<Record<Phase, string>> = {
  rolledBack: 'was rolled back on the machine',
  failed: 'failed on the machine',
  rejected: 'was rejected by the machine',
};

function formatRestored({ device, generation, digest, functions, data }: Restored, root: string): string {
  return [
    `${device} is back: generation ${generation} (${digest})`,
    ...Object.entries(functions).map(([name, bundle]) => `  function ${name}  ${bundle}`),
    ...formatVolumes(data),
    ...(data?.oldSlots.length
      ? [
          'Keys of the device that was lost still open the vault. With a grant, remove them:',
          ...data.oldSlots.map((slot) => `  holdfast vault key remove ${shortId(slot)}`),
        ]
      : []),
    `Start it with: holdfast agent up --root ${root}`,
  ].join('\n');
}
