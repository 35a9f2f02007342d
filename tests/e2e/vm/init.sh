#!/bin/bash
# The virtual machine's first process: lays a layer in memory over the host's files, which it sees but can't
# change, loads the camera drivers and runs JOB/command there. JOB and SHARE are the host's folders, for writing.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
root=/tmp/root
mount -t tmpfs -o size=75% layer /tmp
mkdir /tmp/upper /tmp/work $root
mount -t overlay -o lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work files $root
mount -t proc proc $root/proc
mount -t sysfs sys $root/sys
mount -t devtmpfs dev $root/dev
mkdir -p $root/dev/{pts,shm}
mount -t devpts pts $root/dev/pts
for folder in dev/shm run; do mount -t tmpfs -o mode=1777 memory $root/$folder; done
for folder in "$JOB" "$SHARE"; do
    mkdir -p "$root$folder"
    mount -t hostfs -o "$folder" host "$root$folder"
done
mkdir -p $root/lib/modules
mount --bind "$root$IMAGE/lib/modules" $root/lib/modules
ln -sf /proc/self/fd $root/dev/fd
ln -sf fd/0 $root/dev/stdin; ln -sf fd/1 $root/dev/stdout; ln -sf fd/2 $root/dev/stderr

exec chroot $root /bin/bash -c '
exec </dev/null >"$JOB/out" 2>"$JOB/err"
ip link set lo up
if ! { modprobe v4l2loopback devices=2 video_nr=10,11 card_label=Camera,Virtual exclusive_caps=0,1 max_buffers=4 &&
    modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 vid_cap_nr=20 &&
    modprobe -a vhci-hcd uvcvideo; }
then status=125
else bash "$JOB/command"; status=$?
fi
echo $status >"$JOB/status"
sync
exec "$PYTHON" -c "import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)"  # LINUX_REBOOT_CMD_POWER_OFF
'
