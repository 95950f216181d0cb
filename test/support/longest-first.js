import TestSequencer from '@jest/test-sequencer';

/** Without times of an earlier run jest begins with the largest files, and these would keep one processor busy at the end. */
const longest = [
  'crash/story',
  'hostile/functions/web',
  'crash/relay-campaign',
  'hostile/functions/memory',
  'hostile/functions/hangs',
  'crash/relay-link',
  'e2e/bad-input',
  'e2e/vault',
  'e2e/cli-cloud',
  'hostile/functions/resources',
  'crash/mqtt-sessions',
  'integration/functions-limits',
  'crash/data-plane',
  'crash/vault-lost-writes',
  'crash/control-plane',
  'crash/vault-campaign',
];

/** As jest would, and before that the files that take longest. */
export default class LongestFirst extends TestSequencer {
  async sort(tests) {
    const usual = await super.sort(tests);
    const isOf = (name) => (test) => test.path.endsWith(`/test/${name}.test.ts`);
    const first = longest.flatMap((name) => usual.filter(isOf(name)));
    return [...first, ...usual.filter((test) => !first.includes(test))];
  }
}
