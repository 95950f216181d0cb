import { lambdaShape } from './lambda.ts';
import { handlerNames, moduleShape } from './module.ts';
import type { Shape, ShapeTools } from './shape.ts';

/** Finds the handlers in what a bundle exports. Lambda: `handler`, also on a default export (CommonJS sources). */
export function findShape(tools: ShapeTools, exports: Record<string, unknown>): Shape {
  const main = (typeof exports.default === 'object' ? exports.default : undefined) as
    Record<string, unknown> | null | undefined;
  const names = handlerNames.filter((name) => typeof main?.[name] === 'function');
  if (main && names.length > 0) return moduleShape(tools, main, names);
  const lambda = exports.handler ?? main?.handler;
  if (typeof lambda === 'function') return lambdaShape(tools, lambda as (...args: unknown[]) => unknown);
  return { names: [], start: () => undefined };
}
