/** Methods that a function's `Request` may have. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** What `Allow` says to a method that a route does not take; undefined when it takes it. `declared`: of its trigger. */
export function refusedMethod(declared: readonly string[] | undefined, method: string): string | undefined {
  const taken = declared ?? methods;
  // What answers GET answers HEAD too: the function sees HEAD, the gateway sends no body.
  const allowed = taken.includes('GET') ? [...new Set([...taken, 'HEAD'])] : taken;
  return allowed.includes(method) ? undefined : allowed.join(', ');
}
