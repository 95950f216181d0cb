import { z } from 'zod';
import { appSchema } from './app.ts';
import { streamNameSchema, streamSchema, volumeSchema } from './data.ts';
import { functionSchema } from './function.ts';
import { bridgeSchema, clientSchema, listenerSchema, observabilitySchema } from './network.ts';
import { controlSchema, nameSchema, vaultSchema } from './primitives.ts';
import { registryHostSchema, registrySchema } from './registries.ts';
import { updatesSchema } from './updates.ts';

/** Entries of one section (apps, functions …) at most. */
const maxEntries = 500;

const section = <Entry extends z.ZodType>(entry: Entry, name: typeof nameSchema = nameSchema) =>
  z
    .record(name, entry)
    .refine(
      (entries) => Object.keys(entries).length <= maxEntries,
      `a section of at most ${maxEntries} entries`,
    )
    .default({});

/** The whole language of the one file. Shapes and defaults here; cross references in `cross-references.ts`. */
export const machineSchema = z
  .strictObject({
    apiVersion: z.literal('holdfast/v1'),
    kind: z.literal('Machine'),
    metadata: z.strictObject({
      name: nameSchema.describe('The device this file describes.'),
      labels: z.record(nameSchema, z.string().max(253)).default({}),
    }),
    control: controlSchema.optional(),
    vault: vaultSchema.optional(),
    updates: updatesSchema.prefault({}),
    registries: section(registrySchema, registryHostSchema),
    apps: section(appSchema),
    functions: section(functionSchema),
    volumes: section(volumeSchema),
    streams: section(streamSchema, streamNameSchema),
    clients: section(clientSchema),
    listeners: section(listenerSchema),
    bridges: section(bridgeSchema),
    observability: observabilitySchema.prefault({}),
  })
  .meta({ title: 'Holdfast machine manifest' });

/** A manifest after parsing: defaults filled in, quantities as numbers with their unit in the name. */
export type Machine = z.output<typeof machineSchema>;
