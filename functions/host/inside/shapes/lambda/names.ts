/** There is no account and no region on a device; names of resources say so, in the form that AWS gives them. */
export const region = 'local';
export const account = '000000000000';

export function arnOf(service: string, resource: string): string {
  return `arn:aws:${service}:${region}:${account}:${resource}`;
}

/** RFC 3339 without fractions, as EventBridge writes times. */
export function wholeSeconds(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
