#!/bin/bash
# Fills one layer: bootstraps it or lays it over others, unpacks its files, runs its setup.
# It runs in a mount namespace of its own, so that nothing stays mounted.
#
# usage: build.sh FOLDER LOWERS FILES SUITE [BOOTSTRAP-ARGUMENT...] -- NSPAWN-ARGUMENT...
set -euo pipefail
umask 022

folder=$1 lowers=$2 files=$3 suite=$4
shift 4
bootstrap=()
while [[ $1 != -- ]]; do
  bootstrap+=("$1")
  shift
done
shift

mkdir --parents -- "$folder"/{root,work,merged,empty} # a layer may be partly filled already
# Nothing is written to the disk before the layer is whole: thousands of syncs are saved.
mount -t overlay overlay "$folder/merged" \
  -o "lowerdir=${lowers:-$folder/empty},upperdir=$folder/root,workdir=$folder/work,volatile"

if [[ -n $suite ]]; then
  chmod 755 -- "$folder/merged"
  debootstrap --variant=minbase "${bootstrap[@]:1}" "$suite" "$folder/merged" ${bootstrap[0]:+"${bootstrap[0]}"}
fi
if [[ -d $files ]]; then
  tar -C "$files" --mode=u+rwX,go+rX,go-w --owner=root:0 --group=root:0 -c . |
    tar -C "$folder/merged" --no-overwrite-dir --keep-directory-symlink --same-permissions -x
fi
if (($#)); then
  systemd-nspawn --directory="$folder/merged" "$@"
fi
umount -- "$folder/merged"
