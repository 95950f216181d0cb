import { z } from 'zod';
import { readDocument } from '../../../manifests/index.ts';
import { absolutePathSchema, relativePathSchema } from '../../../manifests/primitives.ts';
import { schemaProblems } from '../../../manifests/schema-problems.ts';

/** Beside the tree of an image; not part of it. */
export const imageFileName = 'holdfast-image.yaml';

const textSchema = z
  .string()
  .max(65_536)
  .refine((text) => !text.includes('\0'), 'a text without NUL');
const argumentsSchema = z.array(textSchema).max(1024);

/** What an image says of how to run it, in the words of OCI's config, and how its tree is divided. */
export const imageFileSchema = z.strictObject({
  entrypoint: argumentsSchema.optional(),
  cmd: argumentsSchema.optional(),
  env: z
    .record(z.string().regex(/^[^=\0]{1,1024}$/, 'a name of a variable, without ='), textSchema)
    .optional(),
  workdir: absolutePathSchema.optional(),
  user: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$/, 'a user, or user:group, by name or number')
    .optional(),
  labels: z.record(z.string().min(1).max(1024), textSchema).optional(),
  stopSignal: z
    .string()
    .max(64)
    .regex(/^SIG[A-Z0-9+-]+$/, 'a signal, such as SIGTERM')
    .optional(),
  ports: z
    .array(
      z
        .string()
        .max(16)
        .regex(/^[1-9][0-9]{0,4}(\/(tcp|udp|sctp))?$/, 'a port such as "8080" or "53/udp"'),
    )
    .max(100)
    .optional(),
  layers: z.array(relativePathSchema).max(100).optional(),
});
export type ImageFile = z.output<typeof imageFileSchema>;

/** Reads `holdfast-image.yaml`; every problem comes back at once. An empty file says nothing. */
export function readImageFile(text: string) {
  return readDocument(hasContent(text) ? text : '{}', {
    name: 'image file',
    validate: (document) => {
      const result = imageFileSchema.safeParse(document);
      return result.success
        ? { ok: true, value: result.data }
        : { ok: false, problems: schemaProblems(result.error.issues, { document, schema: imageFileSchema }) };
    },
  });
}

function hasContent(text: string): boolean {
  return text.split('\n').some((line) => !/^\s*(#.*)?$/.test(line));
}
