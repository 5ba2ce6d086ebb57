# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The guests' kernel and the part of the initramfs that only changes with it. Sourced by lib.sh.
# The Debian package is downloaded and unpacked, never installed; everything lies in $VM_CACHE.

# Modules by role. The guest's init loads /mods/<list>, one name a line, in that order.
VM_MODS_base="virtio_pci virtio_net virtio_blk crc32c_generic ext4"
VM_MODS_target="target_core_mod target_core_file iscsi_target_mod crct10dif_generic"
VM_MODS_node="iscsi_tcp sd_mod sg softdog i6300esb crct10dif_generic"

# Parts of the module tree that no guest needs; leaving them out halves the unpacking time.
VM_TAR_SKIP=(--exclude='*/gpu/*' --exclude='*/sound/*' --exclude='*/media/*' --exclude='*/wireless/*'
  --exclude='*/infiniband/*' --exclude='*/ethernet/*' --exclude='*/staging/*' --exclude='*/iio/*')

# Name of the newest kernel package that apt's lists offer for this release.
kernel_package() {
  apt-cache depends --no-recommends --no-suggests linux-image-amd64 |
    awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }'
}

# Download and unpack the kernel once: $VM_CACHE/<package>/{vmlinux,lib/modules}.
kernel_fetch() {
  local package dir work deb
  package=$(kernel_package)
  [ -n "$package" ] || die "apt knows no linux-image-amd64: run 'apt-get update' first"
  dir=$VM_CACHE/$package
  VM_VERSION=${package#linux-image-}
  # shellcheck disable=SC2034  # for guest_start
  VM_KERNEL=$dir/vmlinux
  VM_MODULES=$dir
  [ -e "$dir/vmlinux" ] && return
  note "fetching $package (once)"
  work=$(mktemp -d "$VM_CACHE/fetch.XXXXXX")
  chmod 755 "$work"
  (cd "$work" && apt-get download -q -o APT::Sandbox::User=root "$package" >apt.log 2>&1) ||
    die "apt-get download $package failed: $(tail -n 3 "$work/apt.log")"
  deb=$(echo "$work"/*.deb)
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work" "${VM_TAR_SKIP[@]}" ./boot ./lib/modules
  python3 "$VM_HERE/guest.py" extract "$work/boot/vmlinuz-$VM_VERSION" "$work/vmlinux"
  depmod -b "$work" "$VM_VERSION"
  rm -rf "$deb" "${work:?}/boot" "$work/apt.log" "$dir"
  mv "$work" "$dir"
}

# Print the files of the modules named, dependencies first, each once.
kernel_module_files() {
  local module
  for module in "$@"; do
    modprobe -d "$VM_MODULES" -S "$VM_VERSION" --show-depends "$module" 2>/dev/null ||
      die "kernel $VM_VERSION has no module $module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# Build the cached archive: busybox, the modules of all roles and their load order.
kernel_initrd_base() {
  local key root list file lists
  lists=$(declare -p VM_MODS_base VM_MODS_target VM_MODS_node)
  key=$(printf '%s %s' "$lists" "$(sha256sum "$(command -v busybox)")" | sha256sum | cut -c1-12)
  VM_INITRD_BASE=$VM_CACHE/base-$VM_VERSION-$key.cpio
  [ -e "$VM_INITRD_BASE" ] && return
  root=$(mktemp -d "$VM_CACHE/base.XXXXXX")
  mkdir -p "$root"/{bin,mods}
  cp "$(command -v busybox)" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  for list in base target node; do
    local names=VM_MODS_$list
    # shellcheck disable=SC2086  # a list of names, meant to be split
    kernel_module_files ${!names} | while read -r file; do
      cp "$file" "$root/mods/"
      basename "$file"
    done >"$root/mods/$list"
  done
  (cd "$root" && find . | cpio -o -H newc --quiet) >"$root.cpio"
  mv "$root.cpio" "$VM_INITRD_BASE"
  rm -rf "$root"
}

# Kernel and base archive, one builder at a time when several runs start together.
kernel_prepare() {
  mkdir -p "$VM_CACHE"
  exec 9>"$VM_CACHE/lock"
  flock 9
  kernel_fetch
  kernel_initrd_base
  flock -u 9
  exec 9>&-
}
