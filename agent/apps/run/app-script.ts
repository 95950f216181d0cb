/** Into the control groups up to `--`, then what follows it, in place of the shell. */
const enterAndRun = `while [ "$1" != -- ]; do
  echo 0 >"$1/cgroup.procs" || exit 125
  shift
done
shift
umask 022
eval "exec \\"\\$@\\" $redirections"`;

/**
 * The parent of one run of an app, for a POSIX shell: `sh -c SCRIPT holdfast-app FOLDER REDIRECTIONS [GROUP]… -- COMMAND…`.
 *
 * It claims the instance by making the file `pid`, which one of all who try can: whoever finds it there ends. [G2] It says who it is (boot, and
 * its line of /proc/PID/stat) in `claim.PID` before and in `pid` then: a `pid` that is still empty is somebody's who is found there. Then it
 * runs the command in the control groups, output to files, and when that has ended it ends all that is left in the first group and writes
 * the status to `exit`. It starts no program but the command, so that it needs neither memory nor a process to end well.
 */
export const appScript = `
cd "$1" || exit 1
redirections=$2
shift 2
umask 077
ulimit -c 0
trap : HUP INT QUIT TERM
read -r boot </proc/sys/kernel/random/boot_id
read -r stat </proc/$$/stat
echo "$boot $stat" >"claim.$$" || exit 1
set -C
echo "$boot $stat" >pid || exit 0
set +C
(
${enterAndRun}
) >>out 2>>err
status=$?
if [ "$1" = -- ]; then :
elif [ -e "$1/cgroup.kill" ]; then echo 1 >"$1/cgroup.kill"
else
  round=0
  while [ $round -lt 100 ] && read -r left <"$1/cgroup.procs"; do
    while read -r left; do kill -9 "$left"; done <"$1/cgroup.procs"
    round=$((round + 1))
  done
fi 2>/dev/null
echo "$status" >exit
`;

/** A program beside an app, in its control groups: `sh -c SCRIPT holdfast-exec FOLDER REDIRECTIONS [GROUP]… -- COMMAND…`. */
export const besideScript = `
cd "$1" || exit 1
redirections=$2
shift 2
umask 077
ulimit -c 0
${enterAndRun}
`;
