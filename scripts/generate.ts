import { readFile, writeFile } from 'node:fs/promises';
import { machineJsonSchema } from '../manifests/json-schema.ts';
import { findCutModule } from './find-cut-module.ts';
import { withMetricsTables } from './metrics-table.ts';
import { apis } from './web-apis/apis.ts';
import { webApisDocument } from './web-apis/document.ts';
import { runProbes } from './web-apis/run-probes.ts';

/** Writes the files that are checked in and derived from sources. A test says when one is out of date. */
const at = (path: string) => new URL(`../${path}`, import.meta.url);
const probesTimeoutMs = 120_000;

await writeFile(at('manifests/machine.schema.json'), `${JSON.stringify(machineJsonSchema(), null, 2)}\n`);
await writeFile(at('cloud-sync/vault/chunker/find-cut-module.ts'), await findCutModule());
const metricsPage = at('docs/observability.md');
await writeFile(metricsPage, withMetricsTables(await readFile(metricsPage, 'utf8')));
const results = await runProbes(apis, AbortSignal.timeout(probesTimeoutMs));
await writeFile(at('docs/web-apis.md'), webApisDocument(apis, results));
