import { createLogger } from '../../lib/logger.ts';
import { openLauncher } from '../../agent/apps/run/open-launcher.ts';
import type { LaunchSpec } from '../../agent/apps/ports.ts';

/**
 * An agent's launcher to be killed: `node launcher-child.ts ROOT SPECS`, where SPECS is a JSON array of launch specs. It starts one after
 * the other, again and again, each with a number of its own behind its last argument.
 */
const [root = '', specs = '[]'] = process.argv.slice(2);
const launcher = await openLauncher({ root, logger: createLogger(() => undefined) });
const wanted = JSON.parse(specs) as LaunchSpec[];
process.stdout.write('ready\n');
for (let count = 0; ; count += 1) {
  const spec = wanted[count % wanted.length];
  if (spec === undefined) break;
  await launcher.start({ ...spec, args: [...spec.args.slice(0, -1), `${spec.args.at(-1) ?? ''}-${count}`] });
}
