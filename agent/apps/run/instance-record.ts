import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { digestSchema } from '../../../cloud-sync/oci/manifest.ts';
import { errorCode } from '../../../lib/error-code.ts';
import type { LaunchSpec } from '../ports.ts';

const idSchema = z.int().min(0).max(4_294_967_294);

const launchSpecSchema: z.ZodType<LaunchSpec> = z.strictObject({
  app: z.string(),
  image: digestSchema,
  rootfs: z.string(),
  isolation: z.enum(['container', 'sandbox', 'process']),
  args: z.array(z.string()),
  env: z.array(z.string()),
  cwd: z.string(),
  user: z.strictObject({ uid: idSchema, gid: idSchema, groups: z.array(idSchema) }),
  mounts: z.array(z.strictObject({ source: z.string(), target: z.string(), readOnly: z.boolean() })),
  network: z.enum(['host', 'none']),
  limits: z.strictObject({
    memoryBytes: z.number().optional(),
    cpuCores: z.number().optional(),
    pids: z.number().optional(),
  }),
});

const recordSchema = z.strictObject({ id: z.string(), startedAt: z.iso.datetime(), spec: launchSpecSchema });

/** What a later agent must know of a run. */
export type InstanceRecord = z.output<typeof recordSchema>;

const name = 'instance.json';

/**
 * Whole or not at all, as far as processes see it. It is not synced: after a loss of power nothing runs that it could speak of.
 */
export async function writeRecord(folder: string, record: InstanceRecord): Promise<void> {
  const path = join(folder, name);
  await writeFile(`${path}.tmp`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}

/** Undefined where there is none that can be read: the start went no further. */
export async function readRecord(folder: string): Promise<InstanceRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || error instanceof SyntaxError || error instanceof z.ZodError)
      return undefined;
    throw error;
  }
}
