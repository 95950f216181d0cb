/** A program of an image and all that its shim says. Paths are absolute. */
export type Shim = {
  readonly name: string;
  readonly app: string;
  /** The program on this machine. */
  readonly program: string;
  /** Null: it runs as it is. Else bwrap makes the tree its root. */
  readonly tree: ShimTree | null;
};

type ShimTree = {
  /** The program inside. */
  readonly program: string;
  /** `NAME=value` of the image's config. */
  readonly env: readonly string[];
  /** What bwrap is told of the tree, in order. */
  readonly mounts: readonly string[];
  /** Folders that are the image's: nothing of this machine is put there. At least one. */
  readonly taken: readonly string[];
};

/** Variables that are the caller's, whatever the image says. */
const callers = new Set(['HOME', 'PWD', 'USER', 'LOGNAME', 'TERM', 'SHELL', 'TMPDIR']);

/** An `sh` script that takes the place of its program: same arguments, same input and output, same exit code. */
export function shimText({ name, app, program, tree }: Shim): string {
  const title = `#!/bin/sh\n# ${name}, a program of the app ${app}. Made by Holdfast; a later generation makes it anew.\n`;
  return tree ? `${title}${inTree(name, tree)}` : `${title}exec ${quote(program)} "$@"\n`;
}

/**
 * Arguments are put before those there are, so the last comes first: the home folder, what the caller works in, then the program. A
 * folder that would hide the image's own is not put there.
 */
function inTree(name: string, { program, env, mounts, taken }: ShimTree): string {
  const variables = env.filter((entry) => !callers.has(nameOf(entry)));
  const settings = variables.flatMap((entry) => ['--setenv', nameOf(entry), valueOf(entry)]);
  const own = taken.map((path) => `${quote(path)}|${quote(path)}/*`).join('|');
  return `command -v bwrap >/dev/null || {
  echo '${name}: it runs in its image by bwrap, which is not on the PATH. Install bubblewrap.' >&2
  exit 126
}
here=$(pwd -P) || exit 126
set -- --chdir "$here" ${words([...settings, '--', program])} "$@"
for folder in "$here" "\${HOME:-}"; do
  hides=no
  case ${quote(program)} in "$folder"/*) hides=yes ;; esac
  case "$folder" in ${own}) hides=yes ;; esac
  case "$folder:$hides" in
    /:*|[!/]*|:*) ;;
    *:no) [ ! -d "$folder" ] || set -- --bind "$folder" "$folder" "$@" ;;
    *) [ "$folder" != "$here" ] || {
      echo "${name}: it cannot work in $here, which its image has for itself. Run it in another folder." >&2
      exit 126
    } ;;
  esac
done
exec bwrap ${words(mounts)} "$@"
`;
}

function words(list: readonly string[]): string {
  return list.map(quote).join(' ');
}

function quote(text: string): string {
  return /^[A-Za-z0-9_/.:=+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

function valueOf(entry: string): string {
  return entry.slice(nameOf(entry).length + 1);
}
