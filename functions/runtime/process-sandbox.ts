/** What stands around a host process besides Node's permission model, which every host has. */
export type ProcessSandbox = {
  readonly kind: 'bwrap' | 'permissionModel';
  /** For people: what it is, or why there is no more and what to do. */
  readonly description: string;
  /** Handed to the command on descriptor 4. */
  readonly filter?: Uint8Array | undefined;
  /** The command that runs `command` inside, with nothing readable but `files`. */
  wrap(command: readonly string[], files: readonly string[]): readonly string[];
};

export function permissionModelOnly(why: string): ProcessSandbox {
  return {
    kind: 'permissionModel',
    description: `permission model only: ${why}`,
    wrap: (command) => command,
  };
}
