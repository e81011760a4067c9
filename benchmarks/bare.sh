#!/bin/sh
# The same boots, hibernations and resumes as a baseline scenario, with no checks at all:
# boot, hibernate, resume, hibernate, resume, cut the power, boot cold.
# usage: bare.sh DIRECTORY ROOT SWAP_MIB KEY PORT -- QEMU ARGUMENT...
# The QEMU command expects DIRECTORY/root.qcow2, DIRECTORY/swap.raw and DIRECTORY/plan.raw.
set -eu
directory=$1 root=$2 swap=$3 key=$4 port=$5
shift 6

guest() {
    ssh -q -i "$key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o ConnectTimeout=5 -p "$port" root@127.0.0.1 "$1"
}

boot() { # NAME COMMAND...: returns when the guest answers
    name=$1
    shift
    "$@" -serial "file:$directory/$name.log" &
    qemu=$!
    until guest true; do sleep 0.1; done
}

hibernate() {
    guest 'setsid -f sh -c "echo platform > /sys/power/disk; echo disk > /sys/power/state" \
        </dev/null >/dev/null 2>&1'
    wait "$qemu"
}

trap 'kill "$qemu" 2>/dev/null || true' EXIT
qemu-img create -q -f qcow2 -F raw -b "$root" "$directory/root.qcow2"
truncate -s "${swap}M" "$directory/swap.raw"
PATH=$PATH:/usr/sbin:/sbin mkswap -q "$directory/swap.raw"
steps='early() { :; }; late() { swapon /dev/disk/by-id/virtio-swap; }'
printf '%-511s\n' "$steps" >"$directory/plan.raw"

boot save "$@"
hibernate
boot resume "$@"
hibernate
boot resume-2 "$@"
kill "$qemu"
wait "$qemu" || true
boot cold "$@"
kill "$qemu"
wait "$qemu" || true
