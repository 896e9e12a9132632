#!/bin/sh
# Holds one machine: a clean copy of an image in memory, and what runs on it. It is the first
# process of namespaces of its own, so that what it mounts and starts goes with it.
#
# usage: boot.sh FOLDER LOWERS NSPAWN-ARGUMENT...
set -eu
umask 022

folder=$1 lowers=$2
shift 2

while IFS= read -r group; do
  echo 0 >"$group/cgroup.procs"
done <"$folder/cgroups"

mount -t tmpfs -o mode=0755 rig "$folder/space"
mkdir "$folder/space/upper" "$folder/space/work" "$folder/space/root"
mount -t overlay overlay "$folder/space/root" \
  -o "lowerdir=$lowers,upperdir=$folder/space/upper,workdir=$folder/space/work"

status=133 # so ends systemd-nspawn when the machine wants to be started again
while [ "$status" = 133 ]; do
  status=0
  systemd-nspawn --directory="$folder/space/root" "$@" || status=$?
done
exit "$status"
