import type { Command } from 'commander';
import type { DeployResponse } from '../../cloud-sync/protocol/api.ts';
import type { ControlPlaneClient } from '../../cloud-sync/protocol/control-plane-client.ts';
import type { JsonObject } from '../../manifests/index.ts';
import { openCloud, type Cloud } from '../cloud.ts';
import type { CompletedControl, ControlRequest } from '../control-section.ts';
import { CliError } from '../errors.ts';
import { followDeploy } from '../follow-deploy.ts';
import { parseManifestText, readManifest, type ManifestFile } from '../manifest-file.ts';
import { readInput } from '../files.ts';
import { defaultWaitMs, examples, parseDuration, parseName } from '../options.ts';
import { exchangeOutput } from '../output-file.ts';
import { readPassphrase } from '../passphrase.ts';
import { resolveReferences } from '../references.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { takingBack } from '../taking-back.ts';

type Options = {
  readonly device?: string;
  readonly out?: string;
  readonly passphraseFile?: string;
  readonly wait?: number | true;
  readonly force?: true;
  readonly stage?: true;
  readonly now?: true;
};

export function registerDeploy(program: Command, surroundings: Surroundings): void {
  program
    .command('deploy')
    .description('Pin a manifest by digest and make it what its device should be.')
    .argument('<file>', 'The manifest; - reads stdin.')
    .option('--device <name>', 'Refuse unless the manifest describes this device.', parseName)
    .option(
      '--out <file>',
      'Write the machine file: the pinned manifest with `control`, from which restore works.',
    )
    .option('--passphrase-file <file>', 'Adds a recovery key to the machine file (or $HOLDFAST_PASSPHRASE).')
    .option('--stage', 'Bring it to the disk of the device, and no further until it is activated.')
    .option('--now', 'Wait for no update window and no lock of an app.')
    .option(
      '--wait [duration]',
      'Wait until the device has committed it, or with --stage has it on disk (default 60s).',
      parseDuration,
    )
    .option('--force', 'Replace --out even when it is no machine file of this device.')
    .addHelpText(
      'after',
      examples(
        'holdfast deploy machine.yaml --wait',
        'HOLDFAST_PASSPHRASE=… holdfast deploy greenhouse.yaml --out machine.yaml --wait 2m',
        'holdfast deploy machine.yaml --stage --wait 10m   # live later: holdfast activate DEVICE',
        'holdfast deploy machine.yaml             # again: the same digest, the same generation',
      ),
    )
    .action(action(surroundings, deploy));
}

async function deploy(run: Run, options: Options, path: string): Promise<void> {
  const leave = leaveOf(options);
  const file = await readManifest(run, path);
  const device = file.machine.metadata.name;
  if (options.device !== undefined && options.device !== device) {
    throw new CliError('wrongDevice', `${path} describes ${device}, not ${options.device}.`, {
      hint: 'Correct metadata.name or --device.',
    });
  }
  const passphrase = await readPassphrase(run, options);
  await using cloud = await openCloud(run);
  const before = await cloud.call((client) => client.devices({ signal: run.signal }));
  const staleSeq = before.find(({ name }) => name === device)?.reported?.seq;
  const prepared = await prepare(run, { cloud, file, options, passphrase });
  const { document } = prepared;
  const answer = await put(run, { cloud, device, ...prepared, ...leave });
  const waitMs = options.wait === true ? defaultWaitMs : options.wait;
  if (waitMs !== undefined)
    await followDeploy(run, cloud, {
      ...{ device, generation: answer.generation, staleSeq, timeoutMs: waitMs },
      until: options.stage ? 'staged' : 'committed',
    });
  const result = {
    device,
    ...answer,
    committed: waitMs !== undefined && !options.stage,
    staged: waitMs !== undefined && options.stage === true,
    machineFile: options.out ?? null,
    owner: await fingerprintOf(document),
  };
  run.out.result(result, () => formatResult(result));
}

type Preparation = {
  readonly cloud: Cloud;
  readonly file: ManifestFile;
  readonly options: Options;
  readonly passphrase: string | undefined;
};

type Prepared = {
  readonly document: JsonObject;
  /** The public half. */
  readonly recoveryKey: string | undefined;
  /** Puts the machine file back that was there before. */
  readonly takeBack: () => Promise<void>;
};

/** The document to deploy; written to `--out` before the cloud hears of it, so that no key exists in the cloud alone. */
async function prepare(run: Run, { cloud, file, options, passphrase }: Preparation): Promise<Prepared> {
  const [{ hasRecovery, recoveryPublicKey }, { rewriteManifest }] = await Promise.all([
    import('../control-section.ts'),
    import('../machine-file.ts'),
  ]);
  const resolved = await resolveReferences(run, cloud, file);
  const { out } = options;
  const previous = out === undefined ? undefined : await readPrevious(run, { ...options, out }, file);
  const { document, madeKey } =
    out === undefined
      ? { document: resolved, madeKey: undefined }
      : await complete({ document: resolved, context: cloud.context, previous, passphrase });
  // To open what was just sealed would take as long again.
  const recoveryKey = madeKey ?? (await recoveryPublicKey(document, passphrase));
  if (!hasRecovery(document)) {
    run.out.note(
      'Note: without a recovery key this device cannot be restored from its file. Set HOLDFAST_PASSPHRASE and give --out FILE.',
    );
  }
  const takeBack =
    out === undefined
      ? () => Promise.resolve()
      : await exchangeOutput(out, rewriteManifest(file.text, document));
  return { document, recoveryKey, takeBack };
}

async function complete(request: ControlRequest): Promise<CompletedControl> {
  const [{ completeControl }, { completeVault }] = await Promise.all([
    import('../control-section.ts'),
    import('../vault-section.ts'),
  ]);
  const { document, madeKey } = await completeControl(request);
  return { document: await completeVault({ ...request, document }), madeKey };
}

/** For people to compare with what the device shows. */
async function fingerprintOf(document: JsonObject): Promise<string | null> {
  if (document.vault === undefined) return null;
  const { documentFingerprint } = await import('../vault-section.ts');
  return documentFingerprint(document) ?? null;
}

/** The machine file that `--out` would replace; undefined when there is none. */
async function readPrevious(
  run: Run,
  { out, force }: Options & { out: string },
  file: ManifestFile,
): Promise<JsonObject | undefined> {
  try {
    const text = await readInput(run.io, out, { what: 'machine file', maxBytes: 2 ** 20 });
    const previous = await parseManifestText(text, out);
    if (previous.machine.metadata.name === file.machine.metadata.name) return previous.document;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    if (error.code === 'notFound') return undefined;
  }
  if (force === true) return undefined;
  throw new CliError(
    'exists',
    `Cannot write ${out}: it exists and is no machine file of ${file.machine.metadata.name}.`,
    {
      hint: 'Choose another file, or replace it by --force.',
    },
  );
}

type Put = Prepared & {
  readonly cloud: Cloud;
  readonly device: string;
  readonly stage: boolean | undefined;
  readonly now: boolean | undefined;
};

function leaveOf({ stage, now }: Options): Pick<Put, 'stage' | 'now'> {
  if (stage && now)
    throw new CliError('usage', '--stage and --now cannot both be given.', {
      hint: 'Stage it first; holdfast activate lets it go live.',
    });
  return { stage, now };
}

/** Safe to repeat: the same digest is the same generation. */
async function put(
  run: Run,
  { cloud, device, document, recoveryKey, takeBack, stage, now }: Put,
): Promise<DeployResponse> {
  const { canonicalize } = await import('../../manifests/index.ts');
  const bytes = Buffer.from(canonicalize(document));
  const how = { ...(recoveryKey !== undefined && { recoveryKey }), stage, now, signal: run.signal };
  const send = (client: ControlPlaneClient) => client.deploy(device, bytes, how);
  return await cloud.call(takingBack(send, takeBack));
}

type Result = DeployResponse & {
  readonly device: string;
  /** Seen committed; false when nobody waited for it. */
  readonly committed: boolean;
  /** Seen on the disk of the device, where it waits. */
  readonly staged: boolean;
  readonly machineFile: string | null;
  /** Fingerprint of `vault.owner`. */
  readonly owner: string | null;
};

function formatResult(result: Result): string {
  const { device, generation, digest, machineFile, owner } = result;
  const lines = [`${device}: generation ${generation} ${stateOf(result)} (${digest})`];
  if (machineFile !== null)
    lines.push(`Machine file: ${machineFile}. Keep it and its passphrase apart from the device.`);
  if (owner !== null) lines.push(`Owner key of its snapshots: ${owner}`);
  return lines.join('\n');
}

function stateOf({ committed, staged, unchanged }: Result): string {
  if (committed) return 'committed';
  if (staged) return 'staged';
  return unchanged ? 'unchanged' : 'sent';
}
