import { resolve } from 'node:path';
import type { Command } from 'commander';
import { aborted } from '../interrupt.ts';
import { examples, parseAge, parseBytes, parsePort, parsePublicUrl } from '../options.ts';
import { readOtlpTarget } from '../otlp-target.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { registerCloudRetention } from './cloud-retention.ts';

type Options = {
  readonly folder: string;
  readonly host: string;
  readonly apiPort: number;
  readonly mqttPort: number;
  readonly publicUrl?: string;
  readonly publicMqttUrl?: string;
  readonly otlp?: string;
  readonly otlpHeaders?: string;
  readonly keepMessages?: number;
  readonly keepBytes?: number;
  readonly vaultQuota?: number;
};

const defaultVaultQuotaBytes = 50 * 2 ** 30;

export function registerCloudUp(program: Command, surroundings: Surroundings): void {
  const cloud = program.command('cloud').description('Run the control plane, or say what it keeps.');
  cloud
    .command('up')
    .description('Run a control plane in the foreground: API, registry and MQTT broker over one folder.')
    .requiredOption('--folder <dir>', 'Where it keeps everything; made when it is missing.')
    .option('--host <address>', 'The address to listen on.', '127.0.0.1')
    .option('--api-port <port>', 'HTTPS: API and registry; 0 takes a free port and keeps it.', parsePort, 0)
    .option('--mqtt-port <port>', 'MQTT over TLS; 0 takes a free port and keeps it.', parsePort, 0)
    .option(
      '--public-url <url>',
      'How devices reach the API, when not as https://localhost:PORT.',
      parsePublicUrl('https:'),
    )
    .option('--keep-messages <duration>', 'Remove relayed messages after this time, such as 30d.', parseAge)
    .option(
      '--keep-bytes <size>',
      'Remove the oldest when all take more than this, such as 10GiB.',
      parseBytes,
    )
    .option(
      '--vault-quota <size>',
      "What a device's vault may take that has no quota of its own (default: 50GiB).",
      parseBytes,
    )
    .option(
      '--public-mqtt-url <url>',
      'How devices reach the broker, when not as mqtts://localhost:PORT.',
      parsePublicUrl('mqtts:'),
    )
    .option('--otlp <url>', 'Export logs and metrics of the devices to this collector of OpenTelemetry.')
    .option(
      '--otlp-headers <file>',
      'Headers for it, a `Name: value` a line (default: $OTEL_EXPORTER_OTLP_HEADERS).',
    )
    .addHelpText(
      'after',
      examples(
        'holdfast cloud up --folder ./cloud',
        'holdfast cloud up --folder /srv/holdfast --host 0.0.0.0 --api-port 8443 --mqtt-port 8883 \\',
        '      --public-url https://cloud.example.com:8443 --public-mqtt-url mqtts://cloud.example.com:8883',
        'holdfast cloud up --folder ./cloud --otlp http://collector:4318',
      ),
    )
    .action(action(surroundings, cloudUp));
  registerCloudRetention(cloud, surroundings);
}

async function cloudUp(run: Run, options: Options): Promise<void> {
  const { folder: givenFolder, publicUrl, publicMqttUrl, host, apiPort, mqttPort } = options;
  const { startControlPlane } = await import('../../cloud-sync/control-plane/main.ts');
  const folder = resolve(givenFolder);
  const otlp = await otlpOf(run, options);
  await using cloud = await startControlPlane({
    folder,
    host,
    apiPort,
    mqttPort,
    vaultQuotaBytes: options.vaultQuota ?? defaultVaultQuotaBytes,
    keep: { keepMs: options.keepMessages ?? null, keepBytes: options.keepBytes ?? null },
    ...(publicUrl !== undefined && { publicUrl }),
    ...(publicMqttUrl !== undefined && { publicMqttUrl }),
    ...(otlp && { otlp }),
    logger: run.logger,
    signal: run.signal,
  });
  const context = resolve(folder, 'operator.json');
  const { url, mqttUrl, caPin } = cloud;
  const ready = { event: 'ready', url, mqttUrl, caPin, context, folder, pid: process.pid };
  run.out.announce(ready, () => describe(run, { url, mqttUrl, context }));
  await aborted(run.signal);
}

async function otlpOf(run: Run, { otlp: url, otlpHeaders: headersFile }: Options) {
  return url === undefined ? undefined : readOtlpTarget(run.io, { url, headersFile });
}

function describe(
  { out }: Run,
  { url, mqttUrl, context }: Record<'url' | 'mqttUrl' | 'context', string>,
): string {
  return [
    out.paint('bold', 'The cloud is up.'),
    `  API and registry  ${url}`,
    `  MQTT over TLS     ${mqttUrl}`,
    `  operator context  ${context}`,
    'Next, in another terminal:',
    `  export HOLDFAST_CONTEXT=${context}`,
    '  holdfast devices enrol greenhouse-7     # a one-time token for a device',
    '  holdfast agent up --root ./device --token TOKEN',
    'Ctrl-C stops it.',
  ].join('\n');
}
