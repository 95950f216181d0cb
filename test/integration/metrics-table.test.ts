import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { withMetricsTables } from '../../scripts/metrics-table.ts';

test('the tables of metrics in docs/observability.md are those of the code (npm run generate)', async () => {
  const page = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8');
  expect(page).toBe(withMetricsTables(page));
});
