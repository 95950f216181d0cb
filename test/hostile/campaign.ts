import { parseArgs } from 'node:util';
import type { Campaign } from './campaign-port.ts';

const campaigns: Readonly<Record<string, () => Promise<Campaign>>> = {
  functions: () => import('./functions/campaign.ts'),
  mqtt: () => import('./mqtt-fuzz/campaign.ts'),
  relay: () => import('../crash/relay/campaign.ts'),
  vault: () => import('../crash/vault/campaign.ts'),
};

/** Runs a campaign of attacks or faults; the last line is one JSON object. Exits with 1 when anything was not as it has to be. */
async function main(): Promise<number> {
  const { name, cycles, seconds, seed } = wanted();
  const open = Object.hasOwn(campaigns, name) ? campaigns[name] : undefined;
  const isCount = (count: number): boolean => Number.isInteger(count) && count > 0;
  if (!open || !isCount(cycles) || !isCount(seconds) || !Number.isInteger(seed)) {
    const names = Object.keys(campaigns).join(', ');
    process.stderr.write(
      `Usage: npm run campaign -- NAME [--cycles N] [--seconds N] [--seed S], NAME one of: ${names}\n`,
    );
    return 2;
  }
  const { run } = await open();
  const { figures, failed } = await run({
    ...{ cycles, seconds, seed },
    report: (line) => process.stdout.write(`${line}\n`),
  });
  for (const line of failed) process.stdout.write(`FAILED ${line}\n`);
  process.stdout.write(`${JSON.stringify({ campaign: name, cycles, seconds, seed, ...figures })}\n`);
  return failed.length === 0 ? 0 : 1;
}

type Wanted = Readonly<Record<'cycles' | 'seconds' | 'seed', number>> & { readonly name: string };

/** Of the command line; NaN for what makes no sense. */
function wanted(): Wanted {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        cycles: { type: 'string', default: '1' },
        seconds: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
      },
    });
    const [name = '', ...more] = positionals;
    const [cycles, seconds, seed] = [Number(values.cycles), Number(values.seconds), Number(values.seed)];
    return { name: more.length === 0 ? name : '', cycles, seconds, seed };
  } catch {
    // An option that there is not.
    return { name: '', cycles: NaN, seconds: NaN, seed: NaN };
  }
}

process.exitCode = await main();
