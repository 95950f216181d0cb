/** Exit codes are part of the interface: `docs/cli.md` and `holdfast help exit-codes` list them, and a number never changes its meaning. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  invalid: 3,
  notFound: 4,
  refused: 5,
  unreachable: 6,
  unverified: 7,
  conflict: 8,
  storage: 9,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof exitCodes;
export type ExitCode = (typeof exitCodes)[ExitName];

export const exitMeanings: Readonly<Record<ExitName, string>> = {
  ok: 'Done.',
  failure:
    'The operation failed for a reason of its own (a deploy that did not commit, a function that threw).',
  usage: 'The command line is wrong: an unknown command or option, a missing argument.',
  invalid: 'The input is not valid: a manifest, a function source, a token that cannot be read.',
  notFound: 'A file, device, function, image or running agent is not there.',
  refused: 'Not allowed: a token or certificate that is wrong, expired, used or revoked, a wrong passphrase.',
  unreachable: 'The network or the cloud cannot be reached, or it answers nonsense.',
  unverified:
    'Bytes are not what was promised: a digest, a size or a CA pin does not match; a snapshot or its repository is damaged.',
  conflict:
    'Something is in the way: a port or folder in use, a file that exists, a newer deploy, a locked repository.',
  storage: 'The disk is full, a quota is used up, or stored data is broken.',
  interrupted: 'Stopped by Ctrl-C or a termination signal.',
};

/** The table of codes as the help prints it. */
export function formatExitCodes(): string {
  return (Object.keys(exitCodes) as ExitName[])
    .map((name) => `${String(exitCodes[name]).padStart(5)}  ${exitMeanings[name]}`)
    .join('\n');
}
