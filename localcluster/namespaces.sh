# The first process in the namespaces of a real node; $1 is the cluster's folder.
set -e

# A kubelet expects that mounts made by one process show to the others; unshare made them private.
mount --make-rshared /

# Wherever a kubelet and a containerd are told to keep their files, some go here: to /run sockets
# and runc's state, to /var/lib the kubelet's socket for devices, to /var/log links to Pods' logs.
mount -t tmpfs tmpfs /run
for folder in lib log; do
    mkdir "$1/var-$folder"
    mount --bind "$1/var-$folder" "/var/$folder"
done

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
