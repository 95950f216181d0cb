import { stat } from 'node:fs/promises';
import { errorCode } from '../../lib/error-code.ts';
import { CliError } from '../errors.ts';
import { isBundleFile } from '../machine-restore/is-bundle-file.ts';
import { outputFile } from '../output-file.ts';

/** Where a bundle goes. Rejects as `outputFile` does; without `force` also for a file that is no bundle, such as the machine file itself. */
export async function bundleOutput(given: string, force: boolean): Promise<string> {
  const path = await outputFile(given);
  if (force || (await isEmpty(path)) || (await isBundleFile(path))) return path;
  throw new CliError('exists', `Cannot write ${given}: it exists and is no bundle.`, {
    hint: 'Choose another file, or replace it by --force.',
  });
}

/** Not there, or made beforehand, as mktemp does. */
async function isEmpty(path: string): Promise<boolean> {
  try {
    return (await stat(path)).size === 0;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return true;
    throw error;
  }
}
