/** Components of a URL that may be set. */
export const settableComponents = [
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
] as const;

/** As the host gives a URL, one component a line: none of them can hold a line break. */
export const components = ['href', 'origin', ...settableComponents] as const;
