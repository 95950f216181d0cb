import { z } from 'zod';
import { machineSchema } from './machine.ts';

/** The JSON Schema (draft 2020-12) of a machine file as written, for editors. `machine.schema.json` is this, checked in. */
export function machineJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(machineSchema, { io: 'input', target: 'draft-2020-12' });
  return { $schema, ...schema };
}
