# The first process in the namespaces of a real node; $1 is the cluster's folder.
set -e

# A kubelet expects that mounts made by one process show to the others; unshare made them private.
mount --make-rshared /

# Sockets, the Pods' network namespaces and runc's state go to /run, and links to the Pods' logs to
# /var/log/containers, wherever a kubelet and a containerd are told to keep their files.
mkdir "$1/var-log"
mount -t tmpfs tmpfs /run
mount --bind "$1/var-log" /var/log

# A kubelet sets these for the whole machine; it leaves alone what it finds as it wants it.
setting() {
    file="$1/sysctl-$(basename "$2")"
    echo "$3" > "$file"
    mount --bind "$file" "/proc/sys/$2"
}
setting "$1" vm/overcommit_memory 1
setting "$1" vm/panic_on_oom 0
setting "$1" kernel/panic 10
setting "$1" kernel/panic_on_oops 1
setting "$1" kernel/keys/root_maxkeys 1000000
setting "$1" kernel/keys/root_maxbytes 25000000

ip link set lo up
touch "$1/namespaces-are-ready"

# As process 1 it also has to wait for orphans; a shell does while it waits for its own child.
while sleep 3600; do :; done
