import type { core } from 'zod';
import type { Path } from './manifest-error.ts';

/** The keys an object may have at `path` of `schema`; of a union, those of every shape. Empty where any key may stand. */
export function knownKeys(schema: core.$ZodType, path: Path): string[] {
  const targets = path.reduce<core.$ZodType[]>(
    (schemas, part) => schemas.flatMap(shapes).flatMap((shape) => step(shape, part)),
    [schema],
  );
  const keys = targets.flatMap(shapes).flatMap((shape) => Object.keys(asObject(shape)?.shape ?? {}));
  return [...new Set(keys)];
}

/** What stands under defaults, options, pipes and unions. The depth is that of our own schema. */
function shapes(schema: core.$ZodType): core.$ZodType[] {
  const { def } = (schema as core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
      return shapes(def.innerType);
    case 'pipe':
      return shapes(def.in);
    case 'union':
      return def.options.flatMap(shapes);
    default:
      return [schema];
  }
}

function step(schema: core.$ZodType, part: string | number): core.$ZodType[] {
  const { def } = (schema as core.$ZodTypes)._zod;
  if (def.type === 'record') return [def.valueType];
  if (def.type === 'array') return [def.element];
  if (def.type !== 'object' || typeof part !== 'string' || !Object.hasOwn(def.shape, part)) return [];
  const child = def.shape[part];
  return child ? [child] : [];
}

function asObject(schema: core.$ZodType): core.$ZodObjectDef | undefined {
  const { def } = (schema as core.$ZodTypes)._zod;
  return def.type === 'object' ? def : undefined;
}
